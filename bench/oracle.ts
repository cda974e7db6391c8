/** Checks measured output against its input; ESP is opened by node:crypto, not by vtep. */
import { createDecipheriv, hkdfSync } from 'node:crypto';
import { Profile } from '../src/overlay/index.js';
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

/** What a packet was sealed with: Swarm's profile, with the middle key of the ring, its transmit key. */
interface Sealing {
  readonly key: Uint8Array;
  /** Default: the SPI. */
  readonly salt?: Uint8Array;
  readonly icv: number;
  readonly esn: boolean;
}

const SWARM: Sealing = { key: KEY_OF_TAG_2, icv: ICV, esn: false };

/** The strict profile's, from the outer IPv4 addresses: see docs/security.md. */
function strictSealing(source: Uint8Array, destination: Uint8Array): Sealing {
  const mapped = (address: Uint8Array): Buffer =>
    Buffer.concat([Buffer.from('00000000000000000000ffff', 'hex'), address]);
  const tag = Buffer.from([0, 0, 0, 0, 0, 0, 0, 2]);
  const info = Buffer.concat([Buffer.from('vtep strict 1'), mapped(source), mapped(destination), tag]);
  const material = new Uint8Array(hkdfSync('sha256', KEY_OF_TAG_2, new Uint8Array(0), info, 20));
  return { key: material.subarray(0, 16), salt: material.subarray(16), icv: 16, esn: true };
}

/** Decrypts what follows the outer IP header. */
export function openEsp(packet: number, esp: Uint8Array, { key, salt, icv, esn }: Sealing = SWARM): Uint8Array {
  const spi = esp.subarray(0, 4);
  const nonce = Buffer.concat([salt ?? spi, esp.subarray(8, 16)]);
  const decipher = createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: icv });
  // The upper half of an extended sequence number is authenticated, but not sent (RFC 4106, section 5).
  decipher.setAAD(esn ? Buffer.concat([spi, new Uint8Array(4), esp.subarray(4, 8)]) : esp.subarray(0, 8));
  decipher.setAuthTag(esp.subarray(esp.length - icv));
  const clear = decipher.update(esp.subarray(ESP_HEADER, esp.length - icv));
  decipher.final();
  if (clear[clear.length - 1] !== 17) fail(packet, 'has no UDP inside');
  return clear.subarray(0, clear.length - 2 - clear[clear.length - 2]);
}

/** Throws unless a packet for the wire contains the frame that it was created from. */
export function checkSent(workload: Workload, number: number, bytes: Uint8Array, start: number, end: number): void {
  const { bytes: frames, start: from, end: to } = workload.frames;
  const i = number % from.length;
  const payload = bytes.subarray(start + IPV4_HEADER_LEN, end);
  const sealing =
    workload.profile === Profile.Strict
      ? strictSealing(bytes.subarray(start + 12, start + 16), bytes.subarray(start + 16, start + 20))
      : SWARM;
  const udp = workload.encrypted ? openEsp(i, payload, sealing) : payload;
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
