/** Capture files to write packets to. What writes them is loaded when one is created. */
import '../disposable.js';
import type { OutputFile, PacketSink, PcapngWriter } from '../capture/index.js';
import { CapturedPacket, splitNanoseconds } from './captured-packet.js';
import { FramesError } from './error.js';
import { LinkType } from '../wire/index.js';
import { Frame } from './frame.js';

const ETHERNET: number = LinkType.Ethernet;

/** Interfaces beyond this number share one. */
const MAX_INTERFACES = 4096;

/** How a capture is written. */
export interface CreateCaptureOptions {
  /** Default: `pcapng` if the name ends with it, else `pcap`, with nanoseconds */
  readonly format?: 'pcap' | 'pcapng' | undefined;
  /**
   * Whether only the owner can read the file (mode 0600): it may hold what was encrypted on the wire.
   * @default true
   */
  readonly ownerOnly?: boolean | undefined;
}

/** What can be written: a frame (its inner Ethernet frame), a packet as captured or edited, or an Ethernet frame. */
export type Writable = Frame | CapturedPacket | Uint8Array;

type WriterMaker = (linkType: number) => { readonly sink: PacketSink; readonly pcapng: PcapngWriter | undefined };

/** A capture being written. It appears under its name when it is closed, complete or not at all. */
export class CaptureOutput {
  /** Packets written so far. */
  packets = 0;
  readonly #file: OutputFile;
  readonly #makeWriter: WriterMaker;
  readonly #takeTurn: () => Promise<void> | undefined;
  readonly #interfaces = new Map<string, number>();
  #writer: ReturnType<WriterMaker> | undefined;
  #linkType = ETHERNET;
  #open = true;

  /** @internal */
  constructor(file: OutputFile, makeWriter: WriterMaker, takeTurn: () => Promise<void> | undefined) {
    this.#file = file;
    this.#makeWriter = makeWriter;
    this.#takeTurn = takeTurn;
  }

  /**
   * Writes a packet, or several, in order. Packets without a time get 1970. pcapng has one interface for the frames of
   * each VNI, and one for each link type of other packets; a pcap file has the link type of its first packet.
   * @throws FramesError `NOT_WRITABLE` for another link type in a pcap file, for what is no packet, or after `close`; CaptureError
   * `FILE_UNUSABLE`, `TIME_OUT_OF_RANGE`
   * @example
   * import { createCapture, openOverlay } from 'vtep';
   *
   * const output = await createCapture('both.pcapng');
   * for await (const frame of openOverlay('wire.pcap')) {
   *   await output.write(frame); // the inner frame
   *   await output.write(frame.packets); // what was captured, still encrypted, with all fragments
   * }
   * await output.close();
   */
  async write(packet: Writable | readonly Writable[]): Promise<void> {
    if (!this.#open) throw new FramesError('NOT_WRITABLE', `${this.#file.name}: already closed`);
    for (const one of isList(packet) ? packet : [packet]) this.#write(one);
    await this.#takeTurn();
  }

  /** Completes the file. No-op if it is closed already. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    try {
      (this.#writer ?? this.#makeWriter(this.#linkType)).sink.flush();
      this.#file.commit();
    } finally {
      this.#file.abandon();
    }
    await this.#takeTurn();
  }

  /** Discards what was written: an existing file of that name stays as it was. No-op after `close`. */
  abandon(): void {
    this.#open = false;
    this.#file.abandon();
  }

  /** Discards what was written, unless it was closed: for `await using`, where an error skips the call of `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    if (this.#open) this.abandon();
    return Promise.resolve();
  }

  #write(packet: Writable): void {
    const { bytes, length, linkType, vni, time } = recordOf(packet);
    if (this.#writer === undefined) {
      this.#linkType = linkType;
      this.#writer = this.#makeWriter(linkType);
    }
    const { sink, pcapng } = this.#writer;
    if (pcapng === undefined && linkType !== this.#linkType) {
      const reason = `a pcap file has one link type, here ${this.#linkType}, not ${linkType}; write pcapng instead`;
      throw new FramesError('NOT_WRITABLE', `${this.#file.name}: ${reason}`);
    }
    const [seconds, nanoseconds] = splitNanoseconds(time);
    const id = pcapng === undefined ? 0 : this.#interfaceOf(pcapng, linkType, vni);
    sink.write(bytes, 0, bytes.length, length, seconds, nanoseconds, id);
    this.packets++;
  }

  #interfaceOf(pcapng: PcapngWriter, linkType: number, vni: number | undefined): number {
    let name = vni === undefined ? `link type ${linkType}` : `vni ${vni}`;
    if (vni !== undefined && this.#interfaces.size >= MAX_INTERFACES && !this.#interfaces.has(name))
      name = 'other VNIs';
    let id = this.#interfaces.get(name);
    if (id === undefined) {
      id = pcapng.addInterface(name, linkType);
      this.#interfaces.set(name, id);
    }
    return id;
  }
}

/** What is written of a packet. */
interface PacketRecord {
  readonly bytes: Uint8Array;
  /** Length on the wire in bytes. */
  readonly length: number;
  readonly linkType: number;
  readonly vni: number | undefined;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
}

function recordOf(packet: Writable): PacketRecord {
  if (packet instanceof Frame) {
    const { bytes, length, vni, timeNanoseconds: time = 0n } = packet;
    return { bytes, length, linkType: vni === undefined ? packet.packet.linkType : ETHERNET, vni, time };
  }
  if (packet instanceof CapturedPacket) {
    const { bytes, originalLength: length, linkType, timeNanoseconds: time = 0n } = packet;
    return { bytes, length, linkType, vni: undefined, time };
  }
  // JavaScript programs may pass anything.
  if (!((packet as unknown) instanceof Uint8Array)) {
    throw new FramesError('NOT_WRITABLE', 'not a packet: pass a frame, a captured packet or bytes');
  }
  return { bytes: packet, length: packet.length, linkType: ETHERNET, vni: undefined, time: 0n };
}

function isList(packet: Writable | readonly Writable[]): packet is readonly Writable[] {
  return Array.isArray(packet);
}

/**
 * Creates a capture file, pcapng or pcap. It is written under a temporary name and renamed by `close`; without `close`,
 * nothing is left of it when the process ends.
 * @param path a file, or `-` for standard output
 * @throws CaptureError `FILE_UNUSABLE`, FramesError `NOT_WRITABLE` for what is no path
 * @example
 * import { createCapture, openOverlay } from 'vtep';
 *
 * const output = await createCapture('web.pcapng');
 * for await (const frame of openOverlay('wire.pcap')) {
 *   if (frame.inner.destinationPort === 80) await output.write(frame.packets);
 * }
 * await output.close();
 */
export async function createCapture(path: string, options: CreateCaptureOptions = {}): Promise<CaptureOutput> {
  if (typeof (path as unknown) !== 'string') throw new FramesError('NOT_WRITABLE', 'pass the path of a file, or -');
  const { format = path.toLowerCase().endsWith('.pcapng') ? 'pcapng' : 'pcap', ownerOnly = true } = options;
  const { OutputFile, PcapngWriter, PcapWriter } = await import('../capture/index.js');
  const { LoopTurns } = await import('../capture/loop-turn.js');
  const turns = new LoopTurns();
  const file = new OutputFile(path, undefined, { ownerOnly });
  const makeWriter: WriterMaker = (linkType) => {
    if (format === 'pcap')
      return { sink: new PcapWriter(file.write, { nanoseconds: true, linkType }), pcapng: undefined };
    const pcapng = new PcapngWriter(file.write);
    return { sink: pcapng, pcapng };
  };
  return new CaptureOutput(file, makeWriter, () => (turns.due ? turns.take() : undefined));
}
