/** Writes the table of labels in docs/mesh.md: `npm run docs:labels`. */
import { readFileSync } from 'node:fs';
import { writeWhole } from '../../../src/capture/file/output-file.js';
import { DOCUMENT, withTable } from './labels-table.js';

writeWhole(DOCUMENT, withTable(readFileSync(DOCUMENT, 'utf8')));
