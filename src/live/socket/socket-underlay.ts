/**
 * The underlay over Linux sockets: unencrypted packets arrive on a UDP socket at the VXLAN port, ESP and ICMP on raw
 * sockets. Unencrypted packets leave by UDP sockets on source ports chosen by flow; ESP and outer fragments by a raw one.
 *
 *     UDP port 4789 -> IngressChain.runDatagrams          raw ESP, raw ICMP -> IngressChain.run
 *
 *     EgressChain -> UDP source ports; ESP, fragments -> raw socket
 *
 * Without CAP_NET_RAW only unencrypted networks work.
 */
import type { Arena, PacketBatch } from '../../memory/index.js';
import { viewOf } from '../../memory/internal.js';
import { formatIp, IpProtocol, IPV4_HEADER_LEN, IPV6_HEADER_LEN, UDP_HEADER_LEN } from '../../wire/index.js';
import { Ipv6Headers } from './datagram-headers.js';
import { DatagramReceiver } from './datagram-receiver.js';
import { LiveError } from '../error.js';
import { ReceiveVector } from './receive-vector.js';
import { DatagramSender } from './datagram-sender.js';
import { SendVector } from './send-vector.js';
import { openSourcePorts, segmentsDatagrams } from './source-ports.js';
import { SocketOption, SocketType, SystemSocket } from './system-socket.js';
import { Transmission } from './transmission.js';
import { datagramProgram, espProgram, icmpProgram } from './worker-steering.js';
import { addressNotHere, portInUse, type UnderlayPort, type UnderlayCounters } from '../port/underlay-port.js';

/** Options of an underlay over sockets. */
export interface SocketUnderlayOptions {
  /** VTEP addresses by node, this one included, 4 or 16 bytes each. */
  readonly vteps: readonly Uint8Array[];
  /** Index of this node. */
  readonly node: number;
  /** VXLAN UDP port. */
  readonly port: number;
  /** Arena to receive packets into; the batches of `receive` must belong to it. */
  readonly arena: Arena;
  /** Whether ESP is required: if so, a missing CAP_NET_RAW is an error. */
  readonly esp: boolean;
  /**
   * Which of a VTEP's workers the sockets are for, and how many there are: each receives its part of the packets
   * (worker-steering.ts). They open their sockets in order, from worker 0.
   * @default the only one
   */
  readonly share?: { readonly worker: number; readonly workers: number };
}

/** Maximum datagrams per system call. */
const VECTOR = 64;
const ICMP_MESSAGES = 8;
/** Source ports of unencrypted packets. */
const SOURCE_PORTS = 16;
const QUEUE_BYTES = 4 << 20;
/** Of the VXLAN port: the windows of some TCP connections, which senders on the same host fill at once. */
const DATAGRAM_QUEUE_BYTES = 8 << 20;
/** IPPROTO_RAW: the sender writes the IP header. */
const HEADER_INCLUDED = 255;
const ICMP_UNREACHABLE = 3;
const ICMPV6_TOO_BIG = 2;

const IDENTIFICATION = 4;
/** MF and the fragment offset, in the word of ID, flags and offset. */
const FRAGMENT = 0x3fff;
/** Replaces ID 0: half the ID space away, so that earlier fragments with that ID have long been sent. */
const ZERO_ID_REPLACEMENT = 0x8000;

/**
 * Replaces the IPv4 ID of outer fragments if it is 0: a raw socket would fill in a different one for each fragment
 * (raw(7), IP_HDRINCL), and they could not be reassembled. The kernel writes the checksum.
 */
function replaceZeroIds({ arena, start, end, count }: PacketBatch): void {
  const view = viewOf(arena.bytes);
  for (let i = 0; i < count; i++) {
    if (end[i] - start[i] < IPV4_HEADER_LEN) continue;
    const at = start[i] + IDENTIFICATION;
    const word = view.getInt32(at);
    if (word >>> 16 === 0 && (word & FRAGMENT) !== 0) view.setInt16(at, ZERO_ID_REPLACEMENT);
  }
}

/** A raw socket to receive from. */
interface RawReceiver {
  readonly socket: SystemSocket;
  readonly vector: ReceiveVector;
  /** The packets lack their IP header over IPv6. */
  readonly protocol: number;
}

/** Filters out all ICMP but path-MTU messages. */
function icmpFilter(family: 4 | 6): Uint8Array {
  const type = family === 4 ? ICMP_UNREACHABLE : ICMPV6_TOO_BIG;
  const words = new Int32Array(family === 4 ? 1 : 8).fill(-1);
  words[0] &= ~(1 << type);
  return new Uint8Array(words.buffer);
}

/** The sockets of one node. */
export class SocketUnderlay implements UnderlayPort {
  readonly name: string;
  readonly carriesEsp: boolean;
  readonly #family: 4 | 6;
  readonly #headers: Ipv6Headers;
  #udp: SystemSocket | undefined;
  readonly #datagramsIn: DatagramReceiver;
  readonly #raw: RawReceiver[] = [];
  readonly #sending: SystemSocket;
  readonly #transmission = new Transmission();
  readonly #vector = new SendVector(VECTOR, this.#transmission);
  readonly #sourcePorts: readonly SystemSocket[];
  readonly #datagramsOut: DatagramSender;
  readonly #vxlanPort: number;
  readonly #port: number;
  readonly #share: SocketUnderlayOptions['share'];
  /** Bytes of the outer headers that the kernel writes. */
  readonly #skip: number;
  #received = 0;
  /** Packets longer than a slot, and packets dropped by sockets since closed because their queue was full. */
  #overrun = 0;

  /** @throws LiveError `SYSTEM_UNAVAILABLE`, `NOT_PERMITTED`, `PORT_IN_USE`, `NOT_THERE` */
  constructor(options: SocketUnderlayOptions) {
    const { vteps, node, port, esp, arena } = options;
    const vtep = vteps[node];
    this.#family = vtep.length === 4 ? 4 : 6;
    this.#headers = new Ipv6Headers(vtep);
    this.#datagramsIn = new DatagramReceiver(arena, this.#family);
    this.#share = options.share;
    try {
      const udp = this.#openUdp(vtep, port);
      const raw = this.#openRaw(vtep, esp, arena);
      this.carriesEsp = raw !== undefined;
      this.#sending = raw ?? udp;
      this.#sourcePorts = openSourcePorts(vtep, SOURCE_PORTS);
    } catch (error) {
      this.close();
      throw error;
    }
    this.name = this.carriesEsp ? 'UDP and raw sockets' : 'UDP socket';
    const ipSpan = this.#family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
    this.#skip = this.carriesEsp ? 0 : ipSpan + UDP_HEADER_LEN;
    this.#port = this.carriesEsp ? 0 : port;
    this.#vxlanPort = port;
    const descriptors = this.#sourcePorts.map(({ descriptor }) => descriptor);
    const segments = this.#sourcePorts.every(segmentsDatagrams);
    this.#datagramsOut = new DatagramSender(descriptors, this.#family, this.#transmission, segments);
    this.setNodes(vteps);
  }

  get descriptors(): readonly number[] {
    const raw = this.#raw.map(({ socket }) => socket.descriptor);
    return this.#udp === undefined ? raw : [this.#udp.descriptor, ...raw];
  }

  get pending(): boolean {
    return this.#datagramsIn.pending;
  }

  get counters(): UnderlayCounters {
    const sockets = [...(this.#udp === undefined ? [] : [this.#udp]), ...this.#raw.map(({ socket }) => socket)];
    const overrun = this.#overrun + this.#datagramsIn.overrun;
    return {
      received: this.#received + this.#datagramsIn.received,
      sent: this.#transmission.sent,
      refused: Object.fromEntries(this.#transmission.refused),
      overrun: sockets.reduce((sum, socket) => sum + socket.overrun, overrun),
    };
  }

  setNodes(vteps: readonly (Uint8Array | undefined)[]): void {
    this.#vector.setAddresses(vteps, this.#port);
    this.#datagramsOut.setAddresses(vteps, this.#vxlanPort);
  }

  receive(packets: PacketBatch, datagrams: PacketBatch, index?: number): number {
    const before = packets.count + datagrams.count;
    if ((index === undefined || index === 0) && this.#udp !== undefined) {
      this.#datagramsIn.receive(this.#udp.descriptor, datagrams);
    }
    if (index === undefined) for (const raw of this.#raw) this.#receiveFrom(raw, packets);
    else if (index > 0) this.#receiveFrom(this.#raw[index - 1], packets);
    return packets.count + datagrams.count - before;
  }

  send(batch: PacketBatch): void {
    if (this.carriesEsp && this.#family === 4) replaceZeroIds(batch);
    this.#vector.send(this.#sending.descriptor, batch, this.#skip);
  }

  sendDatagrams(batch: PacketBatch): void {
    this.#datagramsOut.send(batch);
  }

  /** Closes the sockets. Idempotent. */
  close(): void {
    const sockets = [...(this.#udp === undefined ? [] : [this.#udp]), ...this.#raw.map(({ socket }) => socket)];
    for (const socket of sockets) {
      this.#overrun += socket.overrun;
      socket.close();
    }
    this.#datagramsIn.close();
    for (const { vector } of this.#raw) vector.close();
    this.#udp = undefined;
    this.#raw.length = 0;
    // Either one of the receiving sockets or a separate one; undefined if opening failed.
    (this.#sending as SystemSocket | undefined)?.close();
    for (const socket of (this.#sourcePorts as readonly SystemSocket[] | undefined) ?? []) socket.close();
  }

  #receiveFrom({ socket, vector, protocol }: RawReceiver, packets: PacketBatch): void {
    const count = vector.receive(socket.descriptor, packets.capacity - packets.count);
    const { arena } = packets;
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
      if (family === 4) {
        packets.push(slot, start, end);
      } else {
        const tos = vector.trafficClass(i);
        const at = this.#headers.put(arena.bytes, start, end, vector.names, vector.nameOf(i), tos, protocol);
        packets.push(slot, at, end);
      }
    }
  }

  #openUdp(vtep: Uint8Array, port: number): SystemSocket {
    const share = this.#share;
    if (share?.worker === 0) this.#checkFree(vtep, port);
    const socket = new SystemSocket(this.#family, SocketType.Datagram, 0, `UDP port ${port}`);
    this.#udp = socket;
    this.#setUp(socket, DATAGRAM_QUEUE_BYTES);
    // Before Linux 5.0 each datagram is a message of its own.
    socket.set(SocketOption.UdpGro, 1);
    if (share !== undefined) socket.set(SocketOption.ReusePort, 1);
    this.#bind(socket, vtep, port);
    if (share?.worker === 0) socket.attach(SocketOption.ReusePortFilter, datagramProgram(this.#family, share.workers));
    return socket;
  }

  /** Sockets that share a port don't notice others of the same user that would share it, such as another VTEP's. */
  #checkFree(vtep: Uint8Array, port: number): void {
    const socket = new SystemSocket(this.#family, SocketType.Datagram, 0, `UDP port ${port}`);
    try {
      if (this.#family === 6) socket.set(SocketOption.Ipv6Only, 1);
      this.#bind(socket, vtep, port);
    } finally {
      socket.close();
    }
  }

  #bind(socket: SystemSocket, vtep: Uint8Array, port: number): void {
    const address = formatIp(this.#family, vtep);
    try {
      socket.bind(vtep, port, address);
    } catch (error) {
      if (!(error instanceof LiveError)) throw error;
      if (error.code === 'PORT_IN_USE') throw portInUse(port, error);
      throw error.code === 'NOT_THERE' ? addressNotHere(address, error) : error;
    }
  }

  /** Opens the raw sockets. Returns the one for sending, or undefined if they are neither permitted nor needed. */
  #openRaw(vtep: Uint8Array, needed: boolean, arena: Arena): SystemSocket | undefined {
    const family = this.#family;
    let sending: SystemSocket;
    try {
      sending = new SystemSocket(family, SocketType.Raw, HEADER_INCLUDED, 'IP packets');
    } catch (error) {
      if (!needed && error instanceof LiveError && error.code === 'NOT_PERMITTED') return undefined;
      throw error;
    }
    try {
      this.#setUp(sending);
      const address = formatIp(family, vtep);
      const icmp = family === 4 ? IpProtocol.Icmp : IpProtocol.Icmpv6;
      for (const protocol of [IpProtocol.Esp, icmp]) {
        const socket = new SystemSocket(family, SocketType.Raw, protocol, `IP protocol ${protocol}`);
        const messages = protocol === icmp ? ICMP_MESSAGES : VECTOR;
        this.#raw.push({ socket, vector: new ReceiveVector(arena, messages), protocol });
        this.#setUp(socket);
        if (protocol === icmp) {
          socket.setBytes(family === 4 ? SocketOption.IcmpFilter : SocketOption.Icmpv6Filter, icmpFilter(family));
        }
        if (this.#share !== undefined) {
          const { worker, workers } = this.#share;
          const program = protocol === icmp ? icmpProgram : espProgram;
          socket.attach(SocketOption.AttachFilter, program(family, worker, workers));
        }
        socket.bind(vtep, 0, address);
      }
      return sending;
    } catch (error) {
      sending.close();
      throw error;
    }
  }

  #setUp(socket: SystemSocket, queue = QUEUE_BYTES): void {
    socket.setBuffers(queue);
    if (this.#family === 6) socket.set(SocketOption.Ipv6Only, 1);
    socket.set(this.#family === 4 ? SocketOption.ReceiveTos : SocketOption.ReceiveTrafficClass, 1);
  }
}
