/**
 * Where a text stops being JSON. `JSON.parse` says so in some of its messages and not in others, so after it has refused a
 * text we walk through it once more. Offsets count UTF-16 units from 0.
 */

const TOKEN =
  /[ \t\n\r]*(?:([{}[\],:])|("(?:[^"\\\p{Cc}]+|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/uy;
const SPACE = /[ \t\n\r]*/y;

type Expected = 'value' | 'value-or-close' | 'key' | 'key-or-close' | 'colon' | 'comma-or-close' | 'end';

/** The length of the text if it ends too early. Only for texts that JSON.parse refuses. */
export function jsonErrorPosition(text: string): number {
  const open: string[] = [];
  let expected: Expected = 'value';
  let position = 0;
  for (;;) {
    TOKEN.lastIndex = position;
    const match = TOKEN.exec(text);
    SPACE.lastIndex = position;
    const start = position + (SPACE.exec(text)?.[0].length ?? 0);
    if (match === null) return start;
    const [, mark, string] = match;
    const next = step(expected, mark ?? (string === undefined ? 'scalar' : 'string'), open);
    if (next === undefined) return start;
    expected = next;
    position = TOKEN.lastIndex;
  }
}

/** What may follow; undefined if the token does not belong there. `open` holds the brackets that are open. */
function step(expected: Expected, token: string, open: string[]): Expected | undefined {
  const afterValue = () => (open.length === 0 ? 'end' : 'comma-or-close');
  switch (token) {
    case '{':
    case '[':
      if (expected !== 'value' && expected !== 'value-or-close') return undefined;
      open.push(token);
      return token === '{' ? 'key-or-close' : 'value-or-close';
    case '}':
    case ']': {
      const fits = token === '}' ? 'key-or-close' : 'value-or-close';
      if (expected !== fits && expected !== 'comma-or-close') return undefined;
      if (open.pop() !== (token === '}' ? '{' : '[')) return undefined;
      return afterValue();
    }
    case ',':
      if (expected !== 'comma-or-close') return undefined;
      return open.at(-1) === '{' ? 'key' : 'value';
    case ':':
      return expected === 'colon' ? 'value' : undefined;
    case 'string':
      if (expected === 'key' || expected === 'key-or-close') return 'colon';
      return expected === 'value' || expected === 'value-or-close' ? afterValue() : undefined;
    default:
      return expected === 'value' || expected === 'value-or-close' ? afterValue() : undefined;
  }
}
