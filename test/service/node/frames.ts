/** Connections to a load balancer, so that a test sees which backend is next. */
import { BalanceVerdict, type LoadBalancer } from '../../../src/service/index.js';
import { checksum, formatIpv4, macOfIpv4, parseIpv4, pseudoHeaderSum } from '../../../src/wire/index.js';

const CLIENT = [10, 0, 9, 200];
const SYN = 2;
const RST = 4;
const ACK = 16;
let nextPort = 20_000;

/** A TCP segment to an address and port, in a frame to the load balancer. */
function segmentOf(balancer: string, to: string, ports: readonly [number, number], flags: number): Uint8Array {
  const bytes = new Uint8Array(54);
  const view = new DataView(bytes.buffer);
  bytes.set([...macOfIpv4(parseIpv4(balancer)), ...macOfIpv4(Uint8Array.from(CLIENT)), 8, 0, 0x45, 0, 0, 40]);
  bytes.set([0, 1, 0x40, 0, 64, 6, 0, 0, ...CLIENT, ...parseIpv4(to)], 18);
  view.setUint16(24, checksum(bytes, 14, 34));
  view.setUint16(34, ports[0]);
  view.setUint16(36, ports[1]);
  bytes.set([0x50, flags, 1, 0], 46);
  view.setUint16(50, checksum(bytes, 34, bytes.length, pseudoHeaderSum(4, bytes, 26, 6, 20)));
  return bytes;
}

/** An open connection. */
export interface Connection {
  readonly port: number;
  /** The backend's address; undefined if there was none. */
  readonly backend: string | undefined;
}

/**
 * Sends a segment through a balancer.
 * @returns the backend's address that it leaves with; undefined if it goes to none
 */
function send(balancer: LoadBalancer, frame: Uint8Array): string | undefined {
  const bytes = new Uint8Array(256);
  bytes.set(frame, 128);
  const verdict = balancer.translate(bytes, 128, 128 + frame.length, 1);
  return verdict === BalanceVerdict.ToBackend
    ? formatIpv4(bytes.subarray(balancer.start + 30, balancer.start + 34))
    : undefined;
}

/** Opens a connection to a VIP or a published port, from a port of its own. */
export function connect(balancer: LoadBalancer | undefined, own: string, to: string, port = 80): Connection {
  const from = nextPort++;
  return { port: from, backend: balancer && send(balancer, segmentOf(own, to, [from, port], SYN)) };
}

/** Sends another segment of a connection. @returns the backend that it goes to */
export function resume(
  balancer: LoadBalancer | undefined,
  own: string,
  to: string,
  { port }: Connection,
  toPort = 80,
): string | undefined {
  return balancer && send(balancer, segmentOf(own, to, [port, toPort], ACK));
}

/** Completes a connection's handshake, closes it with a reset, and opens another from the same port. @returns the backend that it goes to */
export function reconnect(
  balancer: LoadBalancer | undefined,
  own: string,
  to: string,
  { port }: Connection,
): string | undefined {
  if (balancer === undefined) return undefined;
  send(balancer, segmentOf(own, to, [port, 80], ACK));
  send(balancer, segmentOf(own, to, [port, 80], RST));
  return send(balancer, segmentOf(own, to, [port, 80], SYN));
}
