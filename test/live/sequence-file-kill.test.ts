/** A process is killed at any moment, time and again: no sequence number is used twice, and the file can be read. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { SequenceFile } from '../../src/live/index.js';
import { SeededRandom } from '../../src/replay/index.js';
import { scratch } from '../cli/run.js';
import { ROOT } from '../repository.js';

const RUNS = 30;
const CHILD = join(ROOT, 'dist/test/live/counting-child.js');

test('no sequence number is used twice by processes that are killed, and what they leave loads', async () => {
  const folder = scratch();
  const path = join(folder, 'sequences');
  const random = new SeededRandom(20261121);
  const used = new Set<number>();
  let highest = 0;
  for (let run = 0; run < RUNS; run++) {
    const log = join(folder, `used-${run}`);
    const child = spawn(process.execPath, [CHILD, path, log], { stdio: ['ignore', 'inherit', 'inherit'] });
    const exit = once(child, 'exit');
    const size = (): number => statSync(log, { throwIfNoEntry: false })?.size ?? 0;
    while (size() === 0 && child.exitCode === null) await sleep(1);
    await sleep(random.below(20));
    child.kill('SIGKILL');
    assert.deepEqual(await exit, [null, 'SIGKILL'], 'it runs until it is killed');

    // What stands behind the last line's end was not said.
    const numbers = readFileSync(log, 'latin1').split('\n').slice(0, -1).map(Number);
    assert.ok(numbers.length > 0);
    for (const number of numbers) {
      assert.ok(!used.has(number), `${number} is used again in run ${run}`);
      used.add(number);
    }
    highest = Math.max(highest, ...numbers);

    const file = new SequenceFile(path);
    const [{ sequence }] = file.load();
    file.close();
    assert.ok(sequence.low >= highest, `${highest} was used, ${sequence.low} is written down`);
  }
});
