/** Run by worker-group.test.ts: sums its packets, or ends early as instructed. */
import { servePackets } from '../../src/workers/index.js';
import type { ChildData } from './worker-group.test.js';

const nap = new Int32Array(new SharedArrayBuffer(4));

servePackets((data, worker) => {
  const { ends, at = 0, slow = 0 } = data as ChildData;
  if (ends === 'start') throw new Error('it does not start');
  const numbers: number[] = [];
  return {
    packet(_bytes, _start, _end, integers) {
      if (slow > 0) Atomics.wait(nap, 0, 0, slow);
      numbers.push(integers[0]);
      if (numbers.length !== at) return;
      if (ends === 'throw') throw new Error('a key: 000102030405060708090a0b0c0d0e0f');
      if (ends === 'exit') process.exit(7);
      if (ends === 'hang') Atomics.wait(nap, 0, 0);
    },
    finish() {
      if (ends === 'finish') throw new Error('it has no result');
      return { worker, numbers };
    },
  };
});
