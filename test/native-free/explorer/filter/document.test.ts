/** docs/explorer.md says what the filter language is. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { compileFilter, type Field, FIELDS } from '../../../../native-free/explorer/filter/index.js';
import { ROOT } from '../../../repository.js';
import { TABLES } from './small-index.js';

const COMPARES: Readonly<Record<Field['kind'], string>> = {
  presence: 'nothing: present or not',
  number: 'numbers',
  name: 'names',
  address: 'addresses',
};

describe('docs/explorer.md', () => {
  let section = '';

  before(() => {
    const text = readFileSync(join(ROOT, 'docs/explorer.md'), 'utf8');
    section = /\n## Filter\n(.*?)\n## /s.exec(text)?.[1] ?? '';
  });

  test('its table has all fields of the filter', () => {
    const rows = section.split('\n').filter((line) => line.startsWith('| `'));
    const cells = rows.map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    const fields = FIELDS.map(({ name, aliases = [], kind, what }) => [
      [name, ...aliases].map((one) => `\`${one}\``).join(', '),
      COMPARES[kind],
      what,
    ]);
    assert.deepEqual(
      cells.filter((row) => row.length === 3),
      fields,
    );
  });

  test('its examples are filters', () => {
    const examples = /```\n(.*?)```/s.exec(section)?.[1].trim().split('\n') ?? [];
    assert.ok(examples.length >= 4);
    for (const example of examples) assert.notEqual(compileFilter(example, TABLES), undefined, example);
  });
});
