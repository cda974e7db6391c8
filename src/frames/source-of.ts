/** Packets that a program has, as a source for whatever reads captures. */
import type { CaptureBatch, CaptureError, CaptureInterface, PacketSource } from '../capture/index.js';
import { LinkType } from '../wire/index.js';
import { splitNanoseconds } from './captured-packet.js';
import { Frame } from './frame.js';

/** A packet of `sourceOf`. A `CapturedPacket` is one. */
export interface PacketRecord {
  /** The captured bytes, from the link-layer header on; not copied. */
  readonly bytes: Uint8Array;
  /** Link type (LINKTYPE_ value of tcpdump.org). Default: Ethernet */
  readonly linkType?: number | undefined;
  /** Length on the wire in bytes. Default: that of `bytes` */
  readonly originalLength?: number | undefined;
  /** Nanoseconds since 1970, UTC. Default: `time` */
  readonly timeNanoseconds?: bigint | undefined;
  /** When it was captured. Default: unknown */
  readonly time?: Date | undefined;
}

/** Nanoseconds of the years that a capture's times are in: 1970 to 2554. */
const MAX_TIME = 1n << 64n;
/** As `CaptureBatch` caps it. */
const MAX_LENGTH = 1 << 30;

/**
 * Turns packets into a source: for `openOverlay`, `openFrames`, `conversations`, and all else that takes a
 * `PacketSource`. It is read once, packet by packet, as slowly as the iterable gives them.
 * @param packets captured or edited packets, objects like them, or Ethernet frames as bytes: an array, a generator, an
 * async iterable such as a socket's messages. Frames of `openOverlay` are read as inner frames, without their VNI.
 * `close` of the source ends the iteration. What the iterable throws is the source's `damage`.
 * @param name display name, for errors
 * @example
 * import { createSocket } from 'node:dgram';
 * import { on } from 'node:events';
 * import { openOverlay, sourceOf } from 'vtep';
 *
 * const socket = createSocket('udp4').bind(5555); // a mirror port that wraps Ethernet frames in UDP
 * async function* received() {
 *   for await (const [message] of on(socket, 'message')) yield { bytes: message as Uint8Array, time: new Date() };
 * }
 * for await (const frame of openOverlay(sourceOf(received()))) console.log(frame.vni, frame.inner.source);
 */
export function sourceOf(
  packets: Iterable<PacketRecord | Uint8Array> | AsyncIterable<PacketRecord | Uint8Array>,
  name = 'packets',
): PacketSource {
  return new ProgramSource(packets, name);
}

/** One packet in each batch: nobody knows when an iterable gives the next one. */
class ProgramSource implements PacketSource {
  readonly name: string;
  readonly format = 'live';
  readonly interfaces: CaptureInterface[] = [];
  readonly notes = [];
  readonly size = undefined;
  damage: CaptureError | undefined;
  position = 0;
  readonly #packets: Iterable<PacketRecord | Uint8Array> | AsyncIterable<PacketRecord | Uint8Array>;
  #iterator: Iterator<PacketRecord | Uint8Array> | AsyncIterator<PacketRecord | Uint8Array> | undefined;
  #parts: Parts | undefined;
  #count = 0;
  #ended = false;
  #closed = false;
  #wake: () => void = nothing;

  constructor(packets: Iterable<PacketRecord | Uint8Array> | AsyncIterable<PacketRecord | Uint8Array>, name: string) {
    this.#packets = packets;
    this.name = name;
  }

  async next(): Promise<CaptureBatch | undefined> {
    if (this.#ended) return undefined;
    const { batch, turns } = (this.#parts ??= await parts());
    if (turns.due) await turns.take();
    try {
      const next = await this.#take();
      if (next === undefined) return undefined;
      this.#put(batch, next.value);
      return batch;
    } catch (error) {
      this.#ended = true;
      const { CaptureError: Damage } = await import('../capture/portable.js');
      this.damage = new Damage('FILE_UNUSABLE', `${this.name}: ${reasonOf(error)}`, { cause: error });
      return undefined;
    }
  }

  /** Ends the iteration, and a pending `next`. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#ended = true;
    this.#closed = true;
    const reading = this.#wake;
    reading();
    // An iterable that waits for its next packet may never get to its end.
    const ending = Promise.resolve(this.#iterator?.return?.()).then(undefined, () => undefined);
    if (reading === nothing) await ending;
  }

  async #take(): Promise<IteratorYieldResult<PacketRecord | Uint8Array> | undefined> {
    this.#iterator ??= iteratorOf(this.#packets);
    const closed = new Promise<undefined>((resolve) => {
      this.#wake = () => {
        resolve(undefined);
      };
    });
    try {
      const next = await Promise.race([this.#iterator.next(), closed]);
      if (next === undefined || this.#closed) return undefined;
      if (next.done !== true) return next;
      this.#ended = true;
      return undefined;
    } finally {
      this.#wake = nothing;
    }
  }

  #put(batch: CaptureBatch, packet: PacketRecord | Uint8Array): void {
    const { bytes, linkType, originalLength, time } = columnsOf(packet, ++this.#count);
    const known = time !== undefined && time >= 0n && time < MAX_TIME;
    [batch.seconds[0], batch.nanoseconds[0]] = known ? splitNanoseconds(time) : [0, 0];
    batch.noTimestamp[0] = known ? 0 : 1;
    batch.bytes = bytes;
    batch.count = 1;
    batch.offset[0] = 0;
    batch.capturedLength[0] = bytes.length;
    batch.originalLength[0] = Math.min(MAX_LENGTH, Math.max(bytes.length, originalLength));
    batch.linkType[0] = linkType;
    batch.interfaceId[0] = this.#interfaceOf(linkType);
    this.position += bytes.length;
  }

  #interfaceOf(linkType: number): number {
    const id = this.interfaces.findIndex((one) => one.linkType === linkType);
    if (id >= 0) return id;
    return this.interfaces.push({ linkType, name: undefined, snapLength: 0, ticksPerSecond: 1e9 }) - 1;
  }
}

interface Parts {
  readonly batch: CaptureBatch;
  readonly turns: { readonly due: boolean; take(): Promise<void> };
}

/** What a source is made of, loaded at its first packet. */
async function parts(): Promise<Parts> {
  const { CaptureBatch } = await import('../capture/portable.js');
  const { LoopTurns } = await import('../capture/loop-turn.js');
  return { batch: new CaptureBatch(), turns: new LoopTurns() };
}

function nothing(): void {
  // Nobody waits.
}

function iteratorOf(
  packets: Iterable<PacketRecord | Uint8Array> | AsyncIterable<PacketRecord | Uint8Array>,
): Iterator<PacketRecord | Uint8Array> | AsyncIterator<PacketRecord | Uint8Array> {
  // Programs in JavaScript may pass anything.
  const object = packets as
    Partial<Iterable<PacketRecord | Uint8Array> & AsyncIterable<PacketRecord | Uint8Array>> | null | undefined;
  const iterator = object?.[Symbol.asyncIterator]?.() ?? object?.[Symbol.iterator]?.();
  if (iterator === undefined) throw new TypeError('not an iterable of packets');
  return iterator;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface Columns {
  readonly bytes: Uint8Array;
  readonly linkType: number;
  readonly originalLength: number;
  /** Nanoseconds since 1970; undefined if unknown. */
  readonly time: bigint | undefined;
}

function columnsOf(packet: PacketRecord | Uint8Array, number: number): Columns {
  if (packet instanceof Uint8Array) {
    return { bytes: packet, linkType: LinkType.Ethernet, originalLength: packet.length, time: undefined };
  }
  if (packet instanceof Frame) {
    const linkType = packet.vni === undefined ? packet.packet.linkType : LinkType.Ethernet;
    return { bytes: packet.bytes, linkType, originalLength: packet.length, time: packet.timeNanoseconds };
  }
  // Programs in JavaScript may yield anything.
  const { bytes } = (packet as Partial<PacketRecord> | null | undefined) ?? {};
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`packet ${number} is neither bytes nor an object with bytes`);
  const { linkType = LinkType.Ethernet, originalLength = bytes.length, timeNanoseconds, time } = packet;
  const milliseconds = time?.getTime() ?? Number.NaN;
  const nanoseconds = Number.isFinite(milliseconds) ? BigInt(Math.floor(milliseconds)) * 1_000_000n : undefined;
  return { bytes, linkType, originalLength, time: timeNanoseconds ?? nanoseconds };
}
