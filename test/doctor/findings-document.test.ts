import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FINDINGS } from '../../src/doctor/index.js';
import { DOCUMENT, findingsDocument } from './findings-document.js';

/** Without what the formatter changes: blanks, blank lines, and the dashes below headings of tables. */
function words(text: string): string {
  return text.replaceAll(/[\s-]+/g, ' ').trim();
}

test('docs/findings.md is what the findings say, and what doctor says of the examples (npm run docs:findings)', async () => {
  assert.equal(words(readFileSync(DOCUMENT, 'utf8')), words(await findingsDocument()));
});

test('docs/findings.md has an example of every finding', () => {
  const sections = readFileSync(DOCUMENT, 'utf8').split(/^### /m).slice(1);
  const lacking = sections.filter((section) => !/^- Example: [^]*^> /m.test(section));
  assert.deepEqual(
    lacking.map((section) => section.split('\n', 1)[0]),
    [],
  );
  assert.equal(sections.length, FINDINGS.length);
});
