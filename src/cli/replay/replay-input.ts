/** Input of `replay`: a file, read as often as needed, or standard input, read once. */
import type { PacketSource } from '../../capture/index.js';
import { PeekedSource } from '../../capture/portable.js';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import type { InboundEsp } from '../../ipsec/index.js';
import { CaptureKind, ObservedTopology } from '../../replay/index.js';
import { openInput, readInput, sayNotes } from '../capture/capture-input.js';
import { UsageError } from '../usage-error.js';
import type { ReplayValues } from './replay-options.js';

const MIN_FRAME_BYTES = 1600;
/** Jumbo frames: an Ethernet header and 9,216 bytes. */
const LONGEST_OF_STREAM = 9216 + 14;

/** Room in an IP packet after the outer headers, encrypted over IPv6. Captures of BIG TCP have longer frames. */
const MAX_FRAME_BYTES = 65_535 - 128;

/** A capture to replay. */
export interface ReplayInput {
  /** Its display name. */
  readonly name: string;
  /** What the capture contains, or what the start of a stream shows. */
  readonly observed: ObservedTopology;
  /** Maximum frame length in bytes. */
  readonly frameBytes: number;
  /** Opens it for one pass. */
  readonly open: () => Promise<PacketSource>;
}

/** Reads a whole file to learn what it contains. Each replay reads it again. */
export async function fileInput(path: string, esp: InboundEsp | undefined): Promise<ReplayInput> {
  const observed = new ObservedTopology(esp === undefined ? {} : { esp });
  const source = await openInput(path);
  await readInput(source, (batch) => observed.add(batch));
  sayNotes(source);
  const frameBytes = Math.min(MAX_FRAME_BYTES, Math.max(MIN_FRAME_BYTES, observed.largestFrame));
  return { name: path, observed, frameBytes, open: () => openInput(path) };
}

/**
 * Reads the start of standard input, to learn whether the packets carry frames or are frames.
 * @throws UsageError for options that need a second pass
 */
export async function streamInput(
  esp: InboundEsp | undefined,
  { both, loops }: Pick<ReplayValues, 'both' | 'loops'>,
  configured: boolean,
): Promise<ReplayInput> {
  if (!configured) {
    throw new UsageError('standard input can be read only once: describe the network with --config, or name a file');
  }
  for (const [option, again] of Object.entries({ both, loops: loops > 1 })) {
    if (again) {
      throw new UsageError(
        `--${option} reads the capture again, but standard input can be read only once; name a file`,
      );
    }
  }
  const observed = new ObservedTopology(esp === undefined ? {} : { esp });
  const source = new PeekedSource(await openInput(STANDARD_STREAM));
  await source.peek((batch) => {
    observed.add(batch);
    return observed.kind === CaptureKind.Wire;
  });
  return { name: source.name, observed, frameBytes: LONGEST_OF_STREAM, open: () => Promise.resolve(source) };
}
