/**
 * Run by sequence-file.test.ts: locks a file when a byte of input arrives, says whether it succeeded, and runs until
 * its input ends.
 */
import { readSync } from 'node:fs';
import { LiveError } from '../../../src/live/error.js';
import { SequenceFile } from '../../../src/live/state/sequence-file.js';

const [path] = process.argv.slice(2);
const input = new Uint8Array(100);
process.stdout.write('ready');
readSync(0, input);
let said = 'held';
try {
  new SequenceFile(path);
} catch (error) {
  if (!(error instanceof LiveError)) throw error;
  said = error.code;
}
process.stdout.write(said);
while (readSync(0, input) > 0);
// Exits without releasing the lock, like a killed process.
