/**
 * Sockets bound to UDP source ports of VXLAN, which they only send from: the underlay spreads flows over its paths by
 * their source port (RFC 7348 section 5).
 */
import { randomInt } from 'node:crypto';
import { formatIp } from '../../wire/index.js';
import { LiveError } from '../error.js';
import { SocketOption, SocketType, SystemSocket } from './system-socket.js';
import { acceptNothing } from './worker-steering.js';

/** The ports that Linux's vxlan driver uses by default and RFC 7348 section 5 recommends, too. */
const LOWEST_PORT = 49_152;
const HIGHEST_PORT = 60_999;
/** Attempts per socket: other programs have some of the ports. */
const ATTEMPTS = 64;
const SEND_QUEUE_BYTES = 4 << 20;
/** IP_PMTUDISC_OMIT: DF clear, and no path MTU but the device's; the node keeps path MTUs of its own. */
const PMTU_DISCOVERY_OMIT = 5;
const TTL = 64;

/**
 * Opens the sockets. What strangers send to them is discarded by the kernel.
 * @param address address of the VTEP, 4 or 16 bytes
 * @param count number of sockets
 * @param choose chooses a port from the first to the second, both included; default: at random
 * @throws LiveError `PORT_IN_USE` if there are no free ports; `NOT_THERE`, `SYSTEM_CALL`
 */
export function openSourcePorts(
  address: Uint8Array,
  count: number,
  choose: (lowest: number, highest: number) => number = (lowest, highest) => randomInt(lowest, highest + 1),
): SystemSocket[] {
  const sockets: SystemSocket[] = [];
  try {
    while (sockets.length < count) sockets.push(openOne(address, choose));
    return sockets;
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}

/** Whether the kernel segments datagrams of a socket (UDP_SEGMENT, since Linux 4.18). */
export function segmentsDatagrams(socket: SystemSocket): boolean {
  return socket.set(SocketOption.UdpSegment, 0);
}

function openOne(address: Uint8Array, choose: (lowest: number, highest: number) => number): SystemSocket {
  const family = address.length === 4 ? 4 : 6;
  const socket = new SystemSocket(family, SocketType.Datagram, 0, 'a UDP source port');
  try {
    // Before it is bound, so that nothing arrives.
    socket.attach(SocketOption.AttachFilter, acceptNothing());
    socket.setBuffers(0, SEND_QUEUE_BYTES);
    if (family === 6) socket.set(SocketOption.Ipv6Only, 1);
    socket.set(family === 4 ? SocketOption.MtuDiscovery : SocketOption.Ipv6MtuDiscovery, PMTU_DISCOVERY_OMIT);
    socket.set(family === 4 ? SocketOption.Ttl : SocketOption.HopLimit, TTL);
    bind(socket, address, choose);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function bind(socket: SystemSocket, address: Uint8Array, choose: (lowest: number, highest: number) => number): void {
  const where = formatIp(address.length === 4 ? 4 : 6, address);
  for (let left = ATTEMPTS; ; left--) {
    try {
      socket.bind(address, choose(LOWEST_PORT, HIGHEST_PORT), where);
      return;
    } catch (error) {
      if (left === 1 || !(error instanceof LiveError) || error.code !== 'PORT_IN_USE') throw error;
    }
  }
}
