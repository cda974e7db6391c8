/**
 * A worker of a queue in a process of its own. It says `ready`, and `job INDEX/ATTEMPT` for each job. What a job's work says
 * is what it does with it: `crash` ends the process as kill -9 does, `hang` waits for a line on stdin on the first attempt,
 * and everything else is done at once.
 */
import { once } from 'node:events';
import { NatsQueue, type NatsQueueOptions } from '../../../src/fleet/index.js';
import { bytes, text } from './outcomes.js';

const [, , address, name, options] = process.argv;
const queue = await NatsQueue.open(address, JSON.parse(options) as NatsQueueOptions);
process.stdout.write('ready\n');
await queue.work(
  async ({ index, attempt, work }) => {
    process.stdout.write(`job ${index}/${attempt}\n`);
    const what = text(work);
    if (what === 'crash') process.kill(process.pid, 'SIGKILL');
    if (what === 'hang' && attempt === 1) await once(process.stdin, 'data');
    return bytes(`${name}/${attempt}`);
  },
  { signal: new AbortController().signal },
);
