/** A thread of a `GenerateTask`. */
import type { Aead } from '../aead/index.js';
import { writeAll } from '../capture/file/standard-stream.js';
import { serveTask } from '../workers/index.js';
import { CaptureGenerator } from './capture-generator.js';
import type { GenerateShare } from './generate-task.js';

/**
 * Runs a thread of a `GenerateTask`. Its module calls only this.
 * @param cipher creates a cipher by name for this thread; without a name, the fastest
 * @throws WorkersError `NOT_A_WORKER` in a thread that wasn't started by a task
 */
export async function serveGenerate(cipher: (name: string | undefined) => Aead): Promise<void> {
  await serveTask((data, context) => {
    const { options, descriptor, cipher: name, turn: memory } = data as GenerateShare;
    const generator = new CaptureGenerator(options);
    const turn = new Int32Array(memory);
    const aead = generator.encrypted ? cipher(name) : undefined;
    for (const { index, bytes } of generator.blocks(aead, context.worker, context.workers)) {
      for (let now = Atomics.load(turn, 0); now !== index; now = Atomics.load(turn, 0)) Atomics.wait(turn, 0, now);
      writeAll(descriptor, bytes);
      Atomics.store(turn, 0, index + 1);
      Atomics.notify(turn, 0);
      context.report(generator.progress);
    }
    context.report(1);
    return Promise.resolve(generator.report());
  });
}
