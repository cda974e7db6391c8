/** Loaded before the command by replay-workers.test.ts: the first worker ends when it is to tell its result. */
import { parentPort, threadId } from 'node:worker_threads';

if (parentPort !== null && threadId === 1)
  parentPort.postMessage = endsAtResult(parentPort.postMessage.bind(parentPort));

function endsAtResult(post: (message: unknown) => void): (message: unknown) => void {
  return (message) => {
    if ((message as { kind: string }).kind === 'result') process.exit(5);
    post(message);
  };
}
