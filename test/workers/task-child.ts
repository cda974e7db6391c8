/** Run by task-group.test.ts: a thread that does what its data says. */
import { serveTask } from '../../src/workers/index.js';

await serveTask(async (data, context) => {
  const { worker, workers } = context;
  context.report(10 + worker);
  if (data === 'throw') throw new Error('out of order');
  if (data === 'exit') process.exit(4);
  // Until it is stopped.
  while (data === 'wait' && !context.stopped) await new Promise((resolve) => setImmediate(resolve));
  return { data, worker, workers, stopped: context.stopped };
});
