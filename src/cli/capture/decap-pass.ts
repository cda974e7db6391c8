/** One pass of `decap` over captures, or by jobs: the output, and what is counted. */
import { type OutputFile, openCaptureFile, type PacketSource, PcapngWriter, PcapWriter } from '../../capture/index.js';
import { UnderlayDecoder, type UnderlayDecoderOptions } from '../../dataplane/index.js';
import { DecapMerge, ESP_ROWS, FrameWriter } from '../../frames/internal.js';
import { AddressTable, EspSurvey } from '../../inspect/internal.js';
import { openOutput } from '../output.js';
import type { OpenedKeys } from '../keys/key-files.js';
import { openInput, readInput } from './capture-input.js';

/** The captures in order, the first of which is open: standard input can be opened only once. */
export interface DecapInputs {
  readonly first: PacketSource;
  readonly others: readonly string[];
  /** Whether the times of all packets are whole microseconds. */
  readonly isMicroseconds: boolean;
}

/**
 * Opens captures.
 * @param paths in order
 * @throws CaptureError
 */
export async function openInputs([path, ...others]: readonly [string, ...string[]]): Promise<DecapInputs> {
  const first = await openInput(path);
  let inMicroseconds = isMicroseconds(first);
  try {
    for (const other of inMicroseconds ? others : []) {
      const source = await openCaptureFile(other);
      inMicroseconds &&= isMicroseconds(source);
      await source.close();
    }
  } catch (error) {
    await first.close();
    throw error;
  }
  return { first, others, isMicroseconds: inMicroseconds };
}

/** Whether all timestamps of a capture are whole microseconds. */
function isMicroseconds(source: PacketSource): boolean {
  // A pcapng file may declare an interface with a finer resolution later.
  return source.format === 'pcap' && source.interfaces[0].ticksPerSecond <= 1e6;
}

/** How to decapsulate. */
export interface DecapPassOptions {
  readonly output: string;
  /** The captures, which must not be the output. */
  readonly paths: readonly string[];
  readonly format: 'pcap' | 'pcapng';
  readonly nanoseconds: boolean;
  readonly keepTruncated: boolean;
  /** Names of networks, by VNI. */
  readonly names: ReadonlyMap<number, string>;
  readonly decoding: UnderlayDecoderOptions;
  readonly keys: OpenedKeys | undefined;
  /** Whether only the owner of the output can read it. */
  readonly ownerOnly: boolean;
}

/** An output that frames are being written to. */
export class DecapPass {
  readonly file: OutputFile;
  readonly writer: FrameWriter;
  readonly decoder: UnderlayDecoder;
  readonly esp = new EspSurvey(new AddressTable(ESP_ROWS), ESP_ROWS);
  readonly keys: OpenedKeys | undefined;

  /** @throws CaptureError `FILE_UNUSABLE`, UsageError */
  constructor(options: DecapPassOptions) {
    const { output, paths, format, nanoseconds, keepTruncated, names, decoding, keys, ownerOnly } = options;
    this.keys = keys;
    this.decoder = new UnderlayDecoder({ ...decoding, ...keys, applyEcn: true });
    this.file = openOutput(output, paths, { ownerOnly });
    const { write } = this.file;
    const sink = format === 'pcapng' ? new PcapngWriter(write) : new PcapWriter(write, { nanoseconds });
    this.writer = new FrameWriter(sink, keepTruncated, names);
  }

  /** Takes what jobs find. */
  merge(): DecapMerge {
    const { writer, decoder, esp, keys } = this;
    return new DecapMerge({ writer, decoder, esp, inbound: keys?.esp });
  }

  /**
   * Reads captures to their ends.
   * @throws CaptureError
   */
  async read({ first, others }: DecapInputs): Promise<PacketSource[]> {
    const { writer, decoder, esp } = this;
    const sources: PacketSource[] = [];
    for (let source = first, next = 0; ; source = await openInput(others[next++])) {
      await readInput(source, (batch) => writer.addBatch(batch, decoder, esp));
      sources.push(source);
      if (next === others.length) return sources;
    }
  }

  /** Completes the output. */
  commit(): void {
    this.writer.flush();
    this.file.commit();
  }
}
