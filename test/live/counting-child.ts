/**
 * Run by sequence-file-kill.test.ts: uses sequence numbers as an SA does that writes them down in blocks ahead, and says
 * each, until it is killed.
 */
import { openSync, writeSync } from 'node:fs';
import { SequenceFile } from '../../src/live/sequence-file.js';
import { RECORD } from './record.js';

const BLOCK = 16;

const [path, log] = process.argv.slice(2);
const file = new SequenceFile(path);
const said = openSync(log, 'a');
let ceiling = file.load().at(0)?.sequence.low ?? 0;
for (let number = ceiling + 1; ; number++) {
  if (number > ceiling) {
    ceiling += BLOCK;
    file.save([{ ...RECORD, sequence: { high: 0, low: ceiling } }]);
  }
  writeSync(said, `${number}\n`);
}
