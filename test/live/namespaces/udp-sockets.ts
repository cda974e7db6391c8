/** The UDP sockets of a namespace. The kernel's vxlan sockets are its own and not among them. */
import { type NetworkNamespace } from './network-namespace.js';

/** A socket. */
export interface UdpSocket {
  readonly port: number;
  /** Bytes that wait to be read. */
  readonly waiting: number;
  /** Datagrams that came while there was no room for them. */
  readonly drops: number;
}

const HEXADECIMAL = 16;

/** Reads /proc/net/udp and udp6 as the namespace has them. */
export function udpSockets(namespace: NetworkNamespace): UdpSocket[] {
  const text = namespace.call(['cat', '/proc/net/udp', '/proc/net/udp6']);
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([slot]) => /^\d+:$/.test(slot))
    .map((fields) => ({
      port: Number.parseInt(fields[1]?.split(':')[1] ?? '', HEXADECIMAL),
      waiting: Number.parseInt(fields[4]?.split(':')[1] ?? '', HEXADECIMAL),
      drops: Number(fields.at(-1)),
    }));
}
