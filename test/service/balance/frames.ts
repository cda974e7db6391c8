/** Frames made to order for a balancer, and balancers to try them on. */
import assert from 'node:assert/strict';
import { writeSctpChecksum } from '../../../src/service/balance/state/sctp-state.js';
import { LoadBalancer, type LoadBalancerOptions } from '../../../src/service/index.js';
import { checksum, pseudoHeaderSum } from '../../../src/wire/index.js';
import { put } from './recording.js';

export const CLIENT = [10, 0, 9, 10];
export const VIP = [10, 0, 9, 2];
export const LOCAL = [10, 0, 9, 7];
export const TCP = 6;
export const UDP = 17;
export const SCTP = 132;
export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const ACK = 16;

/** What a frame holds; by default a SYN from the client to the VIP. */
export interface Packet {
  readonly from?: readonly number[];
  readonly to?: readonly number[];
  readonly ports?: readonly [number, number];
  readonly protocol?: number;
  readonly flags?: number;
  readonly payload?: Uint8Array;
  readonly ttl?: number;
}

/** A frame to the balancer, with valid checksums. */
export function frameOf(packet: Packet): Uint8Array {
  const { from = CLIENT, to = VIP, ports = [20_000, 80], protocol = TCP, flags = SYN, ttl = 64 } = packet;
  const { payload = new Uint8Array(0) } = packet;
  const header = protocol === TCP ? 20 : protocol === UDP ? 8 : 12;
  const bytes = new Uint8Array(34 + header + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set([2, 0x42, ...LOCAL, 2, 0x42, ...from, 8, 0, 0x45, 0]);
  view.setUint16(16, 20 + header + payload.length);
  bytes.set([0, 1, 0x40, 0, ttl, protocol, 0, 0, ...from, ...to], 18);
  view.setUint16(24, checksum(bytes, 14, 34));
  view.setUint16(34, ports[0]);
  view.setUint16(36, ports[1]);
  bytes.set(payload, 34 + header);
  if (protocol === TCP) bytes.set([0x50, flags, 1, 0], 46);
  if (protocol === UDP) view.setUint16(38, 8 + payload.length);
  if (protocol === SCTP) writeSctpChecksum(bytes, 34, bytes.length);
  else {
    const pseudo = pseudoHeaderSum(4, bytes, 26, protocol, header + payload.length);
    view.setUint16(protocol === TCP ? 50 : 40, checksum(bytes, 34, bytes.length, pseudo) || 0xffff);
  }
  return bytes;
}

/** A balancer with one service and backends from 10.0.9.100 on. */
export function balancerOf(
  backends = 1,
  maxConnections = 1000,
  options: Partial<LoadBalancerOptions> = {},
): { balancer: LoadBalancer; web: number } {
  const balancer = new LoadBalancer({ back: { address: '10.0.9.7' }, maxConnections, ...options });
  const web = balancer.addService({ name: 'web', vip: '10.0.9.2' });
  for (let i = 0; i < backends; i++) balancer.addBackend(web, { address: `10.0.9.${100 + i}` });
  return { balancer, web };
}

/** The frame that comes out; fails if it was dropped. */
export function through(balancer: LoadBalancer, frame: Uint8Array, now = 0): Uint8Array {
  const result = put(balancer, frame, now);
  if (typeof result === 'number') assert.fail(`dropped: ${result}`);
  return Buffer.from(result[0], 'hex');
}

/** The answer that the receiver of a frame sends, with the same payload. */
export function answerTo(frame: Uint8Array, flags: number): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset);
  const header = frame[23] === TCP ? 20 : frame[23] === UDP ? 8 : 12;
  return frameOf({
    from: [...frame.subarray(30, 34)],
    to: [...frame.subarray(26, 30)],
    ports: [view.getUint16(36), view.getUint16(34)],
    protocol: frame[23],
    payload: frame.subarray(34 + header),
    flags,
  });
}

/** Every frame is accounted for. */
export function accounts(balancer: LoadBalancer): void {
  const { received, made, sent, dropped, held } = balancer.accounting();
  assert.equal(received + made, sent + held + Object.values(dropped).reduce((sum, count) => sum + count, 0));
}

/** Opens a connection: SYN, SYN ACK, ACK. Returns the SYN as the backend got it. */
export function connect(balancer: LoadBalancer, packet: Packet, now = 0): Uint8Array {
  const arrived = through(balancer, frameOf(packet), now);
  through(balancer, answerTo(arrived, SYN | ACK), now);
  through(balancer, frameOf({ ...packet, flags: ACK }), now);
  return arrived;
}

/**
 * Splits a frame's packet into fragments.
 * @param cuts offsets in its payload, multiples of 8
 */
export function fragmentsOf(frame: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const bounds = [0, ...cuts, frame.length - 34];
  return bounds.slice(1).map((end, i) => {
    const fragment = Uint8Array.from([...frame.subarray(0, 34), ...frame.subarray(34 + bounds[i], 34 + end)]);
    const view = new DataView(fragment.buffer);
    view.setUint16(16, fragment.length - 14);
    view.setUint16(20, (bounds[i] / 8) | (i < cuts.length ? 0x2000 : 0));
    view.setUint16(24, 0);
    view.setUint16(24, checksum(fragment, 14, 34));
    return fragment;
  });
}
