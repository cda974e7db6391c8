/** Preloaded by replay-workers.test.ts: the first worker exits when asked for its result. */
import { parentPort, threadId } from 'node:worker_threads';

if (parentPort !== null && threadId === 1)
  parentPort.postMessage = endsAtResult(parentPort.postMessage.bind(parentPort));

function endsAtResult(post: (message: unknown) => void): (message: unknown) => void {
  return (message) => {
    if ((message as { kind: string }).kind === 'result') process.exit(5);
    post(message);
  };
}
