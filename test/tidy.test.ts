/** Tests the source itself: who imports whom, what scoring must not know, what nobody uses, what the README promises. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file));
}

const PRODUCT = ['src', 'workers', 'bench', 'load'].flatMap(filesUnder);
const ALL = [...PRODUCT, ...filesUnder('test')];

function importsOf(file: string): string[] {
  const found = read(file).matchAll(/^(?:import|export)\b[^;]*?\bfrom '([^']+)'|\bimport\(?\s*'([^']+)'/gm);
  return [...found].map((match) => match[1] ?? match[2] ?? '');
}

const localImports = (file: string): string[] =>
  importsOf(file)
    .filter((name) => name.startsWith('.'))
    .map((name) => normalize(join(dirname(file), name)));

/** `src/log/log.ts` is in `log`, `src/limits.ts` in `limits.ts`, `bench/main.ts` in `bench`. */
const areaOf = (file: string): string => {
  const [top = '', area = ''] = file.split('/');
  return top === 'src' ? area : top;
};

/** As ARCHITECTURE.md says under "Folders and imports". */
function documentedImports(): Map<string, string[] | 'everything'> {
  const rows = read('ARCHITECTURE.md').matchAll(/^\| `([^`]+)` \| (.+) \|$/gm);
  return new Map(
    [...rows].map(([, area = '', may = '']) => [
      area,
      may === 'everything' ? may : [...may.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
    ]),
  );
}

describe('imports', () => {
  const allowed = documentedImports();

  it('has a row in ARCHITECTURE.md for every folder of src', () => {
    const areas = readdirSync(join(root, 'src')).filter((name) => name !== 'README.md');
    expect([...allowed.keys()].sort()).toEqual(areas.sort());
  });

  it('follows the arrows of ARCHITECTURE.md', () => {
    const wrong = filesUnder('src').flatMap((file) => {
      const may = allowed.get(areaOf(file)) ?? [];
      return localImports(file)
        .filter((target) => areaOf(target) !== areaOf(file) && may !== 'everything' && !may.includes(areaOf(target)))
        .map((target) => `${file} -> ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it('keeps cli for cli and the benches', () => {
    const wrong = PRODUCT.filter((file) => !['cli', 'bench'].includes(areaOf(file))).filter((file) =>
      localImports(file).some((target) => areaOf(target) === 'cli'),
    );
    expect(wrong).toEqual([]);
  });

  it('has no file that nobody imports', () => {
    const entries = [
      'src/cli/main.ts',
      'src/cli/engine-process.ts',
      'workers/partition-worker.ts',
      'bench/main.ts',
      'load/main.ts',
    ];
    const imported = new Set(ALL.flatMap(localImports));
    expect(PRODUCT.filter((file) => !imported.has(file) && !entries.includes(file))).toEqual([]);
  });
});

const withoutComments = (text: string): string =>
  text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '');

describe('what is banned', () => {
  it.each(filesUnder('src/scoring'))('%s has no clock, random, I/O, async or locale', (file) => {
    const text = withoutComments(read(file));
    const banned =
      /\bDate\b|Math\.random|'node:|\bawait\b|\basync\b|\bPromise\b|\bprocess\.|\bperformance\b|\bIntl\b|toLocale|localeCompare/;
    expect(text.match(banned)?.[0]).toBeUndefined();
  });

  it('silences no checker', () => {
    // Put together, or this file would find itself.
    const silencers = new RegExp(['@ts-' + 'ignore', 'biome-' + 'ignore', 'as unknown ' + 'as'].join('|'));
    expect(ALL.filter((file) => silencers.test(read(file)))).toEqual([]);
  });

  it('asserts no value into being there', () => {
    const nonNull = /[\w)\]]!(?:[.,;)\]]|\s*$)/m;
    expect(PRODUCT.filter((file) => nonNull.test(withoutComments(read(file))))).toEqual([]);
  });

  it('leaves no test out', () => {
    const left = new RegExp(`\\b(?:it|describe|test)\\.(?:${'sk' + 'ip'}|${'on' + 'ly'}|${'to' + 'do'})\\(`);
    expect(ALL.filter((file) => left.test(read(file)))).toEqual([]);
  });
});

describe('README.md', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

  it.each(['README.md', 'CONTRIBUTING.md'])('%s names only npm commands that exist', (file) => {
    const named = [...read(file).matchAll(/\bnpm (?:run ([\w-]+)|(start|test)\b)/g)].map(
      (match) => match[1] ?? match[2],
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => name === undefined || !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it.each(['README.md', 'CONTRIBUTING.md', 'src/README.md'])('%s links only to files that exist', (file) => {
    const links = [...read(file).matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1] ?? '');
    for (const link of links) expect(() => read(join(dirname(file), link)), link).not.toThrow();
  });
});
