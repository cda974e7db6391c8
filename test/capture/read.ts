/** Reads captures in memory into plain objects. */
import {
  type ByteReader,
  type CaptureError,
  type CaptureNote,
  MemoryReader,
  openCapture,
} from '../../src/capture/index.js';
import type { PacketSource } from '../../src/capture/source.js';

/** A packet as returned by a source. */
export interface Packet {
  readonly hex: string;
  readonly originalLength: number;
  readonly time: string;
  readonly linkType: number;
  readonly interfaceId: number;
  readonly timeless: boolean;
}

/** What a source returned. */
export interface Read {
  readonly packets: Packet[];
  readonly damage: CaptureError | undefined;
  readonly notes: readonly CaptureNote[];
  readonly source: PacketSource;
}

/** Reads everything from a source. */
export async function drain(source: PacketSource): Promise<Read> {
  const packets: Packet[] = [];
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      const from = batch.offset[i];
      const to = from + batch.capturedLength[i];
      if (to > batch.bytes.length) throw new Error('a packet exceeds its batch');
      packets.push({
        hex: Buffer.from(batch.bytes.subarray(from, to)).toString('hex'),
        originalLength: batch.originalLength[i],
        time: `${batch.seconds[i]}.${String(batch.nanoseconds[i]).padStart(9, '0')}`,
        linkType: batch.linkType[i],
        interfaceId: batch.interfaceId[i],
        timeless: batch.noTimestamp[i] === 1,
      });
    }
  }
  await source.close();
  return { packets, damage: source.damage, notes: source.notes, source };
}

/** Reads everything from a capture in memory. */
export async function read(bytes: Uint8Array): Promise<Read> {
  return drain(await openCapture(new MemoryReader(bytes)));
}

/** Yields its bytes in pieces of the given sizes, cyclically. */
export class PiecemealReader implements ByteReader {
  readonly name = 'pieces';
  readonly size = undefined;
  readonly #bytes: Uint8Array;
  readonly #sizes: readonly number[];
  #at = 0;
  #turn = 0;

  constructor(bytes: Uint8Array, sizes: readonly number[]) {
    this.#bytes = bytes;
    this.#sizes = sizes;
  }

  read(into: Uint8Array): Promise<number> {
    const size = Math.min(this.#sizes[this.#turn++ % this.#sizes.length], into.length);
    const piece = this.#bytes.subarray(this.#at, this.#at + size);
    into.set(piece);
    this.#at += piece.length;
    return Promise.resolve(piece.length);
  }

  close(): void {}
}
