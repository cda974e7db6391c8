/**
 * The underlay over sockets of Linux: clear packets come by a UDP socket on VXLAN's port, ESP and ICMP by raw sockets, and
 * all go out by a raw socket, so that each has the source port of its flow.
 *
 *     UDP port 4789 -> IngressChain.runDatagrams          raw ESP, raw ICMP -> IngressChain.run
 *
 *     EgressChain -> raw socket, or without IP and UDP headers -> UDP socket
 *
 * Without the right to raw sockets (CAP_NET_RAW) clear networks work, all packets from VXLAN's own port.
 */
import type { Arena, PacketBatch } from '../../memory/index.js';
import { viewOf } from '../../memory/view.js';
import { formatIp, IpProtocol, IPV4_SPAN, IPV6_SPAN, UDP_SPAN } from '../../wire/index.js';
import { Ipv6Headers, putSender } from './datagram-headers.js';
import { LiveError } from '../error.js';
import { ReceiveVector } from './receive-vector.js';
import { SendVector } from './send-vector.js';
import { SocketOption, SocketType, SystemSocket } from './system-socket.js';
import { addressNotHere, portInUse, type UnderlayPort, type UnderlayCounters } from '../port/underlay-port.js';

/** Where the packets of an underlay go. */
export interface SocketUnderlayOptions {
  /** Addresses of the nodes' VTEPs, 4 or 16 bytes, by place; this node's among them. */
  readonly vteps: readonly Uint8Array[];
  /** This node's place. */
  readonly node: number;
  /** UDP port of VXLAN. */
  readonly port: number;
  /** Where packets are received to; batches of `receive` are of it. */
  readonly arena: Arena;
  /** Whether ESP must go: without the right to raw sockets that is an error. */
  readonly esp: boolean;
}

/** Datagrams of one call. */
const VECTOR = 64;
const QUEUE_BYTES = 4 << 20;
/** IPPROTO_RAW: whoever sends writes the IP header. */
const HEADER_INCLUDED = 255;
const ICMP_UNREACHABLE = 3;
const ICMPV6_TOO_BIG = 2;

const IDENTIFICATION = 4;
/** MF and the fragment offset, in the word of ID, flags and offset. */
const FRAGMENT = 0x3fff;
/** In place of ID 0: half of all IDs away from it, so that a sender that counts has long sent those of that ID. */
const INSTEAD_OF_ZERO = 0x8000;

/**
 * Gives outer fragments whose IPv4 ID is 0 another: a raw socket fills in a zero ID, of each fragment a different one
 * (raw(7), IP_HDRINCL), and they would never be reassembled. The checksum is the kernel's to write.
 */
function replaceZeroIds({ arena, start, end, count }: PacketBatch): void {
  const view = viewOf(arena.bytes);
  for (let i = 0; i < count; i++) {
    if (end[i] - start[i] < IPV4_SPAN) continue;
    const at = start[i] + IDENTIFICATION;
    const word = view.getInt32(at);
    if (word >>> 16 === 0 && (word & FRAGMENT) !== 0) view.setInt16(at, INSTEAD_OF_ZERO);
  }
}

/** A socket that packets come by. */
interface Inlet {
  readonly socket: SystemSocket;
  readonly vector: ReceiveVector;
  /** What it gives: UDP's payloads, or of a raw socket packets of another protocol; IPv6's come without their header. */
  readonly protocol: number;
}

/** All but ICMP about the path MTU is filtered out. */
function icmpFilter(family: 4 | 6): Uint8Array {
  const type = family === 4 ? ICMP_UNREACHABLE : ICMPV6_TOO_BIG;
  const words = new Int32Array(family === 4 ? 1 : 8).fill(-1);
  words[0] &= ~(1 << type);
  return new Uint8Array(words.buffer);
}

/** Sockets of one node. */
export class SocketUnderlay implements UnderlayPort {
  readonly name: string;
  readonly carriesEsp: boolean;
  readonly #family: 4 | 6;
  readonly #headers: Ipv6Headers;
  readonly #inlets: Inlet[] = [];
  readonly #outlet: SystemSocket;
  readonly #vector: SendVector;
  readonly #port: number;
  /** Bytes in front of a packet that the kernel writes. */
  readonly #skip: number;
  #received = 0;
  /** Packets that were longer than a slot, and those that sockets which are closed had no room for. */
  #overrun = 0;

  /** @throws LiveError `SYSTEM_UNAVAILABLE`, `NOT_PERMITTED`, `PORT_IN_USE`, `NOT_THERE` */
  constructor(options: SocketUnderlayOptions) {
    const { vteps, node, port, esp, arena } = options;
    const vtep = vteps[node];
    this.#family = vtep.length === 4 ? 4 : 6;
    this.#headers = new Ipv6Headers(vtep);
    try {
      const udp = this.#udp(vtep, port, arena);
      const raw = this.#raw(vtep, esp, arena);
      this.carriesEsp = raw !== undefined;
      this.#outlet = raw ?? udp;
    } catch (error) {
      this.close();
      throw error;
    }
    this.name = this.carriesEsp ? 'UDP and raw sockets' : 'UDP socket';
    const ipSpan = this.#family === 4 ? IPV4_SPAN : IPV6_SPAN;
    this.#skip = this.carriesEsp ? 0 : ipSpan + UDP_SPAN;
    this.#port = this.carriesEsp ? 0 : port;
    this.#vector = new SendVector(VECTOR);
    this.setNodes(vteps);
  }

  get descriptors(): readonly number[] {
    return this.#inlets.map(({ socket }) => socket.descriptor);
  }

  get counters(): UnderlayCounters {
    return {
      received: this.#received,
      sent: this.#vector.sent,
      refused: Object.fromEntries(this.#vector.refused),
      overrun: this.#inlets.reduce((sum, { socket }) => sum + socket.overrun, this.#overrun),
    };
  }

  setNodes(vteps: readonly (Uint8Array | undefined)[]): void {
    this.#vector.setAddresses(vteps, this.#port);
  }

  receive(packets: PacketBatch, datagrams: PacketBatch, place?: number): number {
    const before = packets.count + datagrams.count;
    if (place !== undefined) this.#receiveBy(this.#inlets[place], packets, datagrams);
    else for (const inlet of this.#inlets) this.#receiveBy(inlet, packets, datagrams);
    return packets.count + datagrams.count - before;
  }

  send(batch: PacketBatch): void {
    if (this.carriesEsp && this.#family === 4) replaceZeroIds(batch);
    this.#vector.send(this.#outlet.descriptor, batch, this.#skip);
  }

  /** Closes the sockets; once is enough. */
  close(): void {
    for (const { socket, vector } of this.#inlets) {
      this.#overrun += socket.overrun;
      socket.close();
      vector.close();
    }
    this.#inlets.length = 0;
    // It is one of them, or its own; if opening failed it isn't there.
    (this.#outlet as SystemSocket | undefined)?.close();
  }

  #receiveBy({ socket, vector, protocol }: Inlet, packets: PacketBatch, datagrams: PacketBatch): void {
    const udp = protocol === IpProtocol.Udp;
    const batch = udp ? datagrams : packets;
    const count = vector.receive(socket.descriptor, batch.capacity - batch.count);
    const { arena } = batch;
    const { bytes } = arena;
    const { names } = vector;
    const family = this.#family;
    for (let i = 0; i < count; i++) {
      const length = vector.length(i);
      if (length < 0) {
        this.#overrun++;
        continue;
      }
      this.#received++;
      const slot = vector.take(i);
      const start = arena.frameOffsetOf(slot);
      const end = start + length;
      const name = vector.nameOf(i);
      if (udp) {
        const at = batch.push(slot, start, end);
        batch.tos[at] = vector.trafficClass(i);
        batch.sender[at] = putSender(bytes, start, family, names, name);
      } else if (family === 4) {
        batch.push(slot, start, end);
      } else {
        batch.push(slot, this.#headers.put(bytes, start, end, names, name, vector.trafficClass(i), protocol), end);
      }
    }
  }

  #udp(vtep: Uint8Array, port: number, arena: Arena): SystemSocket {
    const socket = new SystemSocket(this.#family, SocketType.Datagram, 0, `UDP port ${port}`);
    this.#inlets.push({ socket, vector: new ReceiveVector(arena, VECTOR), protocol: IpProtocol.Udp });
    this.#setUp(socket);
    const address = formatIp(this.#family, vtep);
    try {
      socket.bind(vtep, port, address);
    } catch (error) {
      if (!(error instanceof LiveError)) throw error;
      if (error.code === 'PORT_IN_USE') throw portInUse(port, error);
      throw error.code === 'NOT_THERE' ? addressNotHere(address, error) : error;
    }
    return socket;
  }

  /** The raw sockets: that for sending, or none where this process may not, and needn't. */
  #raw(vtep: Uint8Array, needed: boolean, arena: Arena): SystemSocket | undefined {
    const family = this.#family;
    let outlet: SystemSocket;
    try {
      outlet = new SystemSocket(family, SocketType.Raw, HEADER_INCLUDED, 'IP packets');
    } catch (error) {
      if (!needed && error instanceof LiveError && error.code === 'NOT_PERMITTED') return undefined;
      throw error;
    }
    try {
      this.#setUp(outlet);
      const address = formatIp(family, vtep);
      const icmp = family === 4 ? IpProtocol.Icmp : IpProtocol.Icmpv6;
      for (const protocol of [IpProtocol.Esp, icmp]) {
        const socket = new SystemSocket(family, SocketType.Raw, protocol, `IP protocol ${protocol}`);
        this.#inlets.push({ socket, vector: new ReceiveVector(arena, VECTOR), protocol });
        this.#setUp(socket);
        if (protocol === icmp) {
          socket.setBytes(family === 4 ? SocketOption.IcmpFilter : SocketOption.Icmpv6Filter, icmpFilter(family));
        }
        socket.bind(vtep, 0, address);
      }
      return outlet;
    } catch (error) {
      outlet.close();
      throw error;
    }
  }

  #setUp(socket: SystemSocket): void {
    socket.setBuffers(QUEUE_BYTES);
    if (this.#family === 6) socket.set(SocketOption.Ipv6Only, 1);
    socket.set(this.#family === 4 ? SocketOption.ReceiveTos : SocketOption.ReceiveTrafficClass, 1);
  }
}
