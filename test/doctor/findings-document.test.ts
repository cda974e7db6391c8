import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DOCUMENT, findingsDocument } from './findings-document.js';

/** Without what the formatter changes: blanks, blank lines, and the dashes below headings of tables. */
function words(text: string): string {
  return text.replaceAll(/[\s-]+/g, ' ').trim();
}

test('docs/findings.md is what the findings say, and what doctor says of the examples (npm run docs:findings)', async () => {
  assert.equal(words(readFileSync(DOCUMENT, 'utf8')), words(await findingsDocument()));
});
