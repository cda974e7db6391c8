/** Checks measured output against its input; ESP is opened by node:crypto, not by vtep. */
import { createDecipheriv } from 'node:crypto';
import { IPV4_HEADER_LEN, UDP_HEADER_LEN, VXLAN_HEADER_LEN } from '../src/wire/index.js';
import { FRAME_HEADERS } from './frame.js';
import type { Workload } from './workload.js';

const ESP_HEADER = 16;
const ICV = 8;
const KEY_OF_TAG_2 = new Uint8Array(16).fill(22);

function fail(packet: number, what: string): never {
  throw new Error(`packet ${packet} ${what}`);
}

function same(packet: number, found: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(found, expected) !== 0) fail(packet, `has a different ${what} than its input`);
}

/** Decrypts what follows the outer IP header, with the middle key of the ring: the transmit key. */
export function openEsp(packet: number, esp: Uint8Array): Uint8Array {
  const nonce = Buffer.concat([esp.subarray(0, 4), esp.subarray(8, 16)]);
  const decipher = createDecipheriv('aes-128-gcm', KEY_OF_TAG_2, nonce, { authTagLength: ICV });
  decipher.setAAD(esp.subarray(0, 8));
  decipher.setAuthTag(esp.subarray(esp.length - ICV));
  const clear = decipher.update(esp.subarray(ESP_HEADER, esp.length - ICV));
  decipher.final();
  if (clear[clear.length - 1] !== 17) fail(packet, 'has no UDP inside');
  return clear.subarray(0, clear.length - 2 - clear[clear.length - 2]);
}

/** Throws unless a packet for the wire contains the frame that it was created from. */
export function checkSent(workload: Workload, number: number, bytes: Uint8Array, start: number, end: number): void {
  const { bytes: frames, start: from, end: to } = workload.frames;
  const i = number % from.length;
  const payload = bytes.subarray(start + IPV4_HEADER_LEN, end);
  const udp = workload.encrypted ? openEsp(i, payload) : payload;
  same(i, udp.subarray(UDP_HEADER_LEN + VXLAN_HEADER_LEN), frames.subarray(from[i], to[i]), 'frame');
}

/** Throws unless a delivered frame is one that was sent, as identified by its payload. */
export function checkDelivered(
  workload: Workload,
  number: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const { bytes: frames, start: from, end: to } = workload.frames;
  const i = number % from.length;
  const payload = frames.subarray(from[i] + FRAME_HEADERS, to[i]);
  same(i, bytes.subarray(start + FRAME_HEADERS, end), payload, 'payload');
}
