/** What `replay` reads: a file, as often as it takes, or standard input, once. */
import type { PacketSource } from '../capture/index.js';
import { PeekedSource } from '../capture/peeked-source.js';
import { STANDARD_STREAM } from '../capture/standard-stream.js';
import type { InboundEsp } from '../ipsec/index.js';
import { CaptureKind, ObservedTopology } from '../replay/index.js';
import { type ParsedArguments, UsageError } from './arguments.js';
import { openInput, readInput, sayNotes } from './capture-input.js';

const MIN_FRAME_BYTES = 1600;
/** Jumbo frames: 9,216 bytes behind an Ethernet header. */
const LONGEST_OF_STREAM = 9216 + 14;

/** What an IP packet holds beside its outer headers, encrypted over IPv6; captures of BIG TCP have longer frames. */
const MAX_FRAME_BYTES = 65_535 - 128;

/** A capture that is replayed. */
export interface ReplayInput {
  /** What people call it. */
  readonly name: string;
  /** What the capture holds: all that it does, or what its beginning shows. */
  readonly observed: ObservedTopology;
  /** Bytes of the longest frame that goes through. */
  readonly frameBytes: number;
  /** Opens it for a reading. */
  readonly open: () => Promise<PacketSource>;
}

/** Reads a file as a whole, to know what it holds; it is read once more for each replay. */
export async function fileInput(path: string, esp: InboundEsp | undefined): Promise<ReplayInput> {
  const observed = new ObservedTopology(esp === undefined ? {} : { esp });
  const source = await openInput(path);
  await readInput(source, (batch) => observed.add(batch));
  sayNotes(source);
  const frameBytes = Math.min(MAX_FRAME_BYTES, Math.max(MIN_FRAME_BYTES, observed.largestFrame));
  return { name: path, observed, frameBytes, open: () => openInput(path) };
}

/**
 * Reads the beginning of standard input, which says whether the packets carry frames or are frames.
 * @throws UsageError for options that need another reading
 */
export async function streamInput(
  esp: InboundEsp | undefined,
  parsed: ParsedArguments,
  configured: boolean,
): Promise<ReplayInput> {
  if (!configured) {
    throw new UsageError('standard input can be read once, so --config must say what the network is; or name a file');
  }
  for (const option of ['both', 'loops']) {
    if (parsed.values[option] !== undefined) {
      throw new UsageError(`--${option} reads the capture again, and standard input can be read once; name a file`);
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
