// Writes into docs/program.md, between its two markers, what the schema of programs says about options.
import { readFileSync, writeFileSync } from 'node:fs';
import { programMarkdown } from '../dist/src/program/reference.js';

const page = new URL('../docs/program.md', import.meta.url);
const between = /(<!-- From .*? -->\n).*?(<!-- End\. -->)/s;
writeFileSync(
  page,
  readFileSync(page, 'utf8').replace(between, (_, begin, end) => `${begin}\n${programMarkdown()}\n\n${end}`),
);
