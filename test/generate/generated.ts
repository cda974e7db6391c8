/** Generated captures in memory, and what `inspect` finds in them. */
import { chooseAead, hkdfSha256 } from '../../src/aead/index.js';
import { MemoryReader, openCapture } from '../../src/capture/index.js';
import { CaptureGenerator, type GenerateOptions, type GenerateReport } from '../../src/generate/index.js';
import { Survey, type SurveyReport } from '../../src/inspect/index.js';
import { CaptureKeys } from '../../src/overlay/internal.js';
import { parseKeys } from '../../src/overlay/files.js';

/** A capture, and what its generator says of it. */
export interface Generated {
  readonly bytes: Buffer;
  readonly report: GenerateReport;
  readonly generator: CaptureGenerator;
}

const { aead } = chooseAead();

/** Generates a capture. */
export function generated(options: GenerateOptions): Generated {
  const generator = new CaptureGenerator(options);
  const parts = Array.from(generator.blocks(aead), ({ bytes }) => Buffer.from(bytes));
  return { bytes: Buffer.concat(parts), report: generator.report(), generator };
}

/** The blocks that a number of workers make, in order. */
export function byWorkers(options: GenerateOptions, workers: number): Buffer {
  const blocks: Buffer[] = [];
  for (let worker = 0; worker < workers; worker++) {
    const generator = new CaptureGenerator(options);
    for (const { index, bytes } of generator.blocks(aead, worker, workers)) blocks[index] = Buffer.from(bytes);
  }
  return Buffer.concat(blocks);
}

/** Surveys a capture with its keys. */
export async function surveyOf({ bytes, generator }: Generated): Promise<SurveyReport> {
  const keys = new CaptureKeys();
  // An esp_sa file can't say that an SA has extended sequence numbers.
  const { profile } = generator.options;
  if (generator.encrypted) keys.add(parseKeys(profile === 'strict' ? generator.config() : generator.espSa()));
  const source = await openCapture(new MemoryReader(bytes));
  const survey = new Survey({
    port: generator.options.port,
    checksums: true,
    ...(generator.encrypted ? { esp: keys.open(aead, hkdfSha256).esp } : {}),
  });
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) survey.addBatch(batch);
  return survey.report(source);
}
