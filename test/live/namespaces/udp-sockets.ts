/** The UDP sockets of a namespace, without the kernel's vxlan sockets. */
import { type NetworkNamespace } from './network-namespace.js';

/** A socket. */
export interface UdpSocket {
  readonly port: number;
  /** Bytes waiting to be read. */
  readonly waiting: number;
  /** Datagrams dropped because the queue was full. */
  readonly drops: number;
}

const HEXADECIMAL = 16;

/** Reads the namespace's /proc/net/udp and udp6. */
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
