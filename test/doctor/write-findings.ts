/** Writes docs/findings.md: `npm run docs:findings`. */
import { writeWhole } from '../../src/capture/file/output-file.js';
import { DOCUMENT, findingsDocument } from './findings-document.js';

writeWhole(DOCUMENT, await findingsDocument());
