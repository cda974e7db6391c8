/** A thread of a `GenerateTask`. */
import type { Aead } from '../aead/index.js';
import { writeAll } from '../capture/file/standard-stream.js';
import { serveTask } from '../workers/index.js';
import { CaptureGenerator } from './capture-generator.js';
import type { GenerateOutcome, GenerateShare } from './generate-task.js';

/** The turn once writing has failed. */
const NOBODY = -1;

/** Writes a block. Returns why it failed, if it did. */
function written(descriptor: number, bytes: Uint8Array): GenerateOutcome['failure'] {
  try {
    writeAll(descriptor, bytes);
    return undefined;
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    return { code, message };
  }
}

/**
 * Runs a thread of a `GenerateTask`. Its module calls only this.
 * @param cipher creates a cipher by name for this thread; without a name, the fastest
 * @throws WorkersError `NOT_A_WORKER` in a thread that wasn't started by a task
 */
export async function serveGenerate(cipher: (name: string | undefined) => Aead | Promise<Aead>): Promise<void> {
  await serveTask(async (data, context): Promise<GenerateOutcome> => {
    const { options, descriptor, cipher: name, turn: memory } = data as GenerateShare;
    const generator = new CaptureGenerator(options);
    const turn = new Int32Array(memory);
    const aead = generator.encrypted ? await cipher(name) : undefined;
    for (const { index, bytes } of generator.blocks(aead, context.worker, context.workers)) {
      for (let now = Atomics.load(turn, 0); now !== index; now = Atomics.load(turn, 0)) {
        if (now === NOBODY) return {};
        Atomics.wait(turn, 0, now);
      }
      const failure = written(descriptor, bytes);
      // Its plan is where the file ends: the truth says nothing of packets that aren't there.
      const ends = context.stopped && context.worker === 0;
      // Otherwise the others would wait for their turn, or write more than is reported.
      Atomics.store(turn, 0, failure === undefined && !ends ? index + 1 : NOBODY);
      Atomics.notify(turn, 0);
      if (failure !== undefined) return { failure };
      if (ends) return { report: generator.report() };
      context.report(generator.progress);
    }
    context.report(1);
    return { report: generator.report() };
  });
}
