/** Frames between a client and a task on the ingress network. */
import { writeSctpChecksum } from '../../../src/service/balance/state/sctp-state.js';
import { checksum, pseudoHeaderSum } from '../../../src/wire/index.js';

export const TASK = [10, 0, 0, 5];
export const CLIENT = [10, 0, 0, 2];
export const TCP = 6;
export const UDP = 17;
export const SCTP = 132;
export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const ACK = 16;
/** Bytes of the Ethernet and IPv4 headers, where the transport header begins. */
export const TRANSPORT = 34;

/** What a frame holds. */
export interface PacketContents {
  readonly from?: readonly number[];
  readonly to?: readonly number[];
  readonly ports?: readonly [number, number];
  readonly protocol?: number;
  readonly flags?: number;
  readonly payload?: Uint8Array;
  readonly id?: number;
}

const TRANSPORT_BYTES: Readonly<Record<number, number>> = { [TCP]: 20, [UDP]: 8, [SCTP]: 12 };

/** A frame with valid checksums; by default a SYN of the client to port 8080 of the task. */
export function frameOf(contents: PacketContents): Buffer {
  const { from = CLIENT, to = TASK, ports = [20_000, 8080], protocol = TCP, flags = SYN, id = 1 } = contents;
  const { payload = new Uint8Array(0) } = contents;
  const header = TRANSPORT_BYTES[protocol] ?? 0;
  const bytes = Buffer.alloc(TRANSPORT + header + payload.length);
  bytes.set([2, 0x42, ...to, 2, 0x42, ...from, 8, 0, 0x45, 0]);
  bytes.writeUInt16BE(20 + header + payload.length, 16);
  bytes.writeUInt16BE(id, 18);
  bytes.set([0, 0, 64, protocol, 0, 0, ...from, ...to], 20);
  bytes.writeUInt16BE(checksum(bytes, 14, TRANSPORT), 24);
  bytes.set(payload, TRANSPORT + header);
  if (header === 0) return bytes;
  bytes.writeUInt16BE(ports[0], TRANSPORT);
  bytes.writeUInt16BE(ports[1], TRANSPORT + 2);
  if (protocol === TCP) bytes.set([0x50, flags, 1, 0], TRANSPORT + 12);
  if (protocol === UDP) bytes.writeUInt16BE(8 + payload.length, TRANSPORT + 4);
  if (protocol === SCTP) {
    writeSctpChecksum(bytes, TRANSPORT, bytes.length);
  } else {
    const pseudo = pseudoHeaderSum(4, bytes, 26, protocol, header + payload.length);
    const field = TRANSPORT + (protocol === TCP ? 16 : 6);
    bytes.writeUInt16BE(checksum(bytes, TRANSPORT, bytes.length, pseudo) || 0xffff, field);
  }
  return bytes;
}

/** The ports of a frame. */
export function portsOf(frame: Buffer): [number, number] {
  return [frame.readUInt16BE(TRANSPORT), frame.readUInt16BE(TRANSPORT + 2)];
}

/** The fragments of a frame's packet, with at most `size` bytes of payload each. */
export function fragmentsOf(frame: Buffer, size: number): Buffer[] {
  const payload = frame.subarray(TRANSPORT);
  const fragments: Buffer[] = [];
  for (let at = 0; at < payload.length; at += size) {
    const part = payload.subarray(at, at + size);
    const fragment = Buffer.concat([frame.subarray(0, TRANSPORT), part]);
    fragment.writeUInt16BE(20 + part.length, 16);
    fragment.writeUInt16BE((at + size < payload.length ? 0x2000 : 0) | (at / 8), 20);
    fragment.writeUInt16BE(0, 24);
    fragment.writeUInt16BE(checksum(fragment, 14, TRANSPORT), 24);
    fragments.push(fragment);
  }
  return fragments;
}
