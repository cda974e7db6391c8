/** Run by sequence-file.test.ts: takes hold of a file at a given moment, says whether it got it, and stays a while. */
import { LiveError } from '../../src/live/error.js';
import { SequenceFile } from '../../src/live/sequence-file.js';

const [path, at, stay] = process.argv.slice(2);
const sleep = (milliseconds: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
};
sleep(Math.max(0, Number(at) - Date.now()));
let said = 'held';
try {
  new SequenceFile(path);
} catch (error) {
  if (!(error instanceof LiveError)) throw error;
  said = error.code;
}
process.stdout.write(said);
if (said === 'held') sleep(Number(stay));
// Left without letting go, as a process that is killed leaves.
