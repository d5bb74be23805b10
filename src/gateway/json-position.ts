/**
 * Where a text stops being JSON. `JSON.parse` says so in some of its messages and not in others, so after it has refused a
 * text we walk through it once more. Offsets count UTF-16 units from 0.
 */

// No quantifier within another: these run over hostile text, and one that backtracks would stop the whole gateway.
const SPACE = /[ \t\n\r]*/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const MARKS = '{}[],:';
const FIRST_TEXT_CODE = 0x20;

type Expected = 'value' | 'value-or-close' | 'key' | 'key-or-close' | 'colon' | 'comma-or-close' | 'end';

/** The length of the text if it ends too early. Only for texts that JSON.parse refuses. Takes time in proportion to the text. */
export function jsonErrorPosition(text: string): number {
  const open: string[] = [];
  let expected: Expected = 'value';
  let position = 0;
  for (;;) {
    const start = endOf(SPACE, text, position) ?? position;
    const char = text.charAt(start);
    let token = char;
    let end: number | undefined = start + 1;
    if (char === '"') {
      token = 'string';
      const string = scanString(text, start);
      if (string.error !== undefined) return isStringExpected(expected) ? string.error : start;
      end = string.end;
    } else if (char === '' || !MARKS.includes(char)) {
      token = 'scalar';
      end = endOf(SCALAR, text, start);
    }
    const next: Expected | undefined = end === undefined ? undefined : step(expected, token, open);
    if (end === undefined || next === undefined) return start;
    expected = next;
    position = end;
  }
}

function endOf(pattern: RegExp, text: string, start: number): number | undefined {
  pattern.lastIndex = start;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

type ScannedString = { readonly end: number; readonly error?: never } | { readonly error: number };

function scanString(text: string, start: number): ScannedString {
  let index = start + 1;
  while (index < text.length) {
    const char = text.charAt(index);
    if (char === '"') return { end: index + 1 };
    if (text.charCodeAt(index) < FIRST_TEXT_CODE) return { error: index };
    if (char !== '\\') {
      index++;
      continue;
    }
    const end = endOf(ESCAPE, text, index);
    if (end === undefined) return { error: index };
    index = end;
  }
  return { error: text.length };
}

function isStringExpected(expected: Expected): boolean {
  return expected !== 'colon' && expected !== 'comma-or-close' && expected !== 'end';
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
      return isStringExpected(expected) ? afterValue() : undefined;
    default:
      return expected === 'value' || expected === 'value-or-close' ? afterValue() : undefined;
  }
}
