import assert from 'node:assert/strict';
import { it } from 'node:test';
import { csvText, jsonText, type TableColumn } from '../../../../native-free/explorer/export/index.js';

interface Row {
  readonly name: string;
  readonly packets: number | null;
}
const COLUMNS: readonly TableColumn<Row>[] = [
  { name: 'name', value: ({ name }) => name },
  { name: 'packets', value: ({ packets }) => packets },
];

it('csvText: quotes what RFC 4180 section 2 asks for', () => {
  const rows = [
    { name: 'a "b", c', packets: 1 },
    { name: 'two\nlines', packets: null },
  ];
  assert.equal(csvText(COLUMNS, rows), 'name,packets\r\n"a ""b"", c",1\r\n"two\nlines",\r\n');
});

it('csvText: a name from a capture does not run as a formula', () => {
  assert.equal(
    csvText(COLUMNS, [{ name: '=HYPERLINK("x")', packets: -1 }]).split('\r\n')[1],
    `"'=HYPERLINK(""x"")",-1`,
  );
});

it('jsonText: is an array of objects', () =>
  assert.deepEqual(JSON.parse(jsonText(COLUMNS, [{ name: 'web', packets: 2 }])), [{ name: 'web', packets: 2 }]));
