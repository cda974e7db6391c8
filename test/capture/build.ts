/** Captures built by hand from the format drafts, without the library's writers. */

/** Words in one byte order. */
export class Words {
  readonly big: boolean;

  constructor(big: boolean) {
    this.big = big;
  }

  u16(...values: number[]): Buffer {
    const bytes = Buffer.alloc(values.length * 2);
    values.forEach((value, i) => (this.big ? bytes.writeUInt16BE(value, 2 * i) : bytes.writeUInt16LE(value, 2 * i)));
    return bytes;
  }

  u32(...values: number[]): Buffer {
    const bytes = Buffer.alloc(values.length * 4);
    values.forEach((value, i) => (this.big ? bytes.writeUInt32BE(value, 4 * i) : bytes.writeUInt32LE(value, 4 * i)));
    return bytes;
  }

  i64(value: bigint): Buffer {
    const bytes = Buffer.alloc(8);
    if (this.big) bytes.writeBigInt64BE(value);
    else bytes.writeBigInt64LE(value);
    return bytes;
  }
}

/** The variants of the classic capture file, by magic. */
export const PCAP_KINDS = { micro: 0xa1b2c3d4, nano: 0xa1b23c4d, modified: 0xa1b2cd34 } as const;
export type PcapKind = keyof typeof PCAP_KINDS;

/** Fields of a classic file header. */
export interface PcapOptions {
  readonly kind?: PcapKind;
  readonly big?: boolean;
  readonly link?: number;
  readonly major?: number;
  readonly minor?: number;
  readonly snap?: number;
}

/** A record of a classic file; `captured` is a claim that may be wrong. */
export interface PcapRecord {
  readonly data: Uint8Array;
  readonly seconds?: number;
  readonly fraction?: number;
  readonly captured?: number;
  readonly original?: number;
}

/** The 24-byte header of a classic file. */
export function pcapHeader(options: PcapOptions = {}): Buffer {
  const { kind = 'micro', big = false, link = 1, major = 2, minor = 4, snap = 262_144 } = options;
  const words = new Words(big);
  return Buffer.concat([words.u32(PCAP_KINDS[kind]), words.u16(major, minor), words.u32(0, 0, snap, link)]);
}

/** One record of a classic file. */
export function pcapRecord(record: PcapRecord, options: PcapOptions = {}): Buffer {
  const { data, seconds = 0, fraction = 0, captured = data.length, original = data.length } = record;
  const words = new Words(options.big === true);
  // The modified format's interface, protocol and packet type are ignored by readers, so any misread is visible.
  const more = options.kind === 'modified' ? Buffer.alloc(8, 0xee) : Buffer.alloc(0);
  return Buffer.concat([words.u32(seconds, fraction, captured, original), more, data]);
}

/** A whole classic file. */
export function pcapFile(records: readonly PcapRecord[], options: PcapOptions = {}): Buffer {
  return Buffer.concat([pcapHeader(options), ...records.map((record) => pcapRecord(record, options))]);
}

/** An option of a pcapng block. */
export type Option = readonly [code: number, value: Uint8Array];

/** Blocks of a pcapng section of one byte order. */
export class Blocks extends Words {
  block(type: number, ...body: Uint8Array[]): Buffer {
    const bytes = Buffer.concat(body);
    const padding = Buffer.alloc(-bytes.length & 3);
    const length = 12 + bytes.length + padding.length;
    return Buffer.concat([this.u32(type, length), bytes, padding, this.u32(length)]);
  }

  section(major = 1, minor = 0): Buffer {
    return this.block(0x0a0d0d0a, this.u32(0x1a2b3c4d), this.u16(major, minor), this.u32(0xffffffff, 0xffffffff));
  }

  interface(linkType: number, snap: number, ...options: Option[]): Buffer {
    const end = options.length === 0 ? [] : [this.u32(0)];
    return this.block(1, this.u16(linkType, 0), this.u32(snap), ...options.map((one) => this.option(...one)), ...end);
  }

  option(code: number, value: Uint8Array): Buffer {
    return Buffer.concat([this.u16(code, value.length), value, Buffer.alloc(-value.length & 3)]);
  }

  enhanced(id: number, ticks: bigint, data: Uint8Array, original = data.length, ...options: Option[]): Buffer {
    const head = this.u32(id, Number(ticks >> 32n), Number(ticks & 0xffffffffn), data.length, original);
    const padding = Buffer.alloc(-data.length & 3);
    return this.block(6, head, data, padding, ...options.map((one) => this.option(...one)));
  }

  simple(data: Uint8Array, original = data.length): Buffer {
    return this.block(3, this.u32(original), data);
  }

  obsolete(id: number, ticks: bigint, data: Uint8Array, original = data.length, drops = 0xffff): Buffer {
    const time = this.u32(Number(ticks >> 32n), Number(ticks & 0xffffffffn));
    return this.block(2, this.u16(id, drops), time, this.u32(data.length, original), data);
  }
}

/** Bytes without a pattern, determined by the seed. */
export function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = (seed ^ 0x9e3779b9) | 0;
  for (let i = 0; i < length; i++) {
    // Marsaglia's xorshift.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state >>> 11;
  }
  return bytes;
}

/** A time in the format of `read.ts`. */
export function timeText(seconds: number | bigint, nanoseconds: number | bigint): string {
  return `${seconds.toString()}.${nanoseconds.toString().padStart(9, '0')}`;
}
