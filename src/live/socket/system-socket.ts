/** A system socket: open, configure, bind and close. Datagrams go through vectors. */
import { lastErrno, NativeMemory } from '../../foreign/index.js';
import { callFailed, cInt, Errno, linux } from '../system/linux.js';
import { AddressFamily, putSocketAddress, SOCKADDR_BYTES } from './socket-address.js';
import { BPF_INSTRUCTION_BYTES, bpfBytes, type BpfInstruction } from './worker-steering.js';

/** Socket types (include/linux/net.h). */
export const SocketType = { Stream: 1, Datagram: 2, Raw: 3 } as const;
export type SocketType = (typeof SocketType)[keyof typeof SocketType];

/** Socket options (socket(7), ip(7), ipv6(7), raw(7)). */
export const SocketOption = {
  /** A listener may take a port whose last connections are still ending. */
  ReuseAddress: { level: 1, name: 2 },
  /** Several sockets of one user may share an address and a port. */
  ReusePort: { level: 1, name: 15 },
  /** A classic BPF program that chooses among sockets that share a port. */
  ReusePortFilter: { level: 1, name: 51 },
  ReceiveBuffer: { level: 1, name: 8 },
  SendBuffer: { level: 1, name: 7 },
  /** The same, beyond the system's limits (rmem_max, wmem_max); requires CAP_NET_ADMIN. */
  ReceiveBufferForce: { level: 1, name: 33 },
  SendBufferForce: { level: 1, name: 32 },
  /** A filter of received packets: struct sock_fprog. */
  AttachFilter: { level: 1, name: 26 },
  Ttl: { level: 0, name: 2 },
  MtuDiscovery: { level: 0, name: 10 },
  ReceiveTos: { level: 0, name: 13 },
  ReceiveTrafficClass: { level: 41, name: 66 },
  HopLimit: { level: 41, name: 16 },
  Ipv6MtuDiscovery: { level: 41, name: 23 },
  Ipv6Only: { level: 41, name: 26 },
  /** Several datagrams of a sender may arrive as one message, with their size in its control data (udp(7)). */
  UdpGro: { level: 17, name: 104 },
  /** Size of the datagrams that messages are segmented into (udp(7)). */
  UdpSegment: { level: 17, name: 103 },
  /** Bit mask of ICMP types to block. */
  IcmpFilter: { level: 255, name: 1 },
  Icmpv6Filter: { level: 58, name: 1 },
} as const;

type Option = (typeof SocketOption)[keyof typeof SocketOption];

const CLOSE_ON_EXEC = 0o2000000;
const NON_BLOCKING = 0o4000;
const SOL_SOCKET = 1;
const SO_MEMINFO = 55;
/** Index of the drop counter in SO_MEMINFO, in 32-bit words (include/uapi/linux/sock_diag.h). */
const MEMINFO_DROPS = 8;
const MEMINFO_WORDS = 9;
/** Length of struct sock_fprog in bytes, and where its pointer is. */
const PROGRAM_BYTES = 16;
const PROGRAM_POINTER = 8;

/** A socket. */
export class SystemSocket {
  readonly descriptor: number;
  readonly #what: string;
  #open = true;

  /**
   * @param family IP version
   * @param protocol IP protocol; 0 for the type's default
   * @param what description of the socket for error messages: `UDP port 4789`
   */
  constructor(family: 4 | 6, type: SocketType, protocol: number, what: string) {
    this.#what = what;
    const domain = family === 4 ? AddressFamily.Inet : AddressFamily.Inet6;
    this.descriptor = linux().socket(domain, type | CLOSE_ON_EXEC | NON_BLOCKING, protocol);
    if (this.descriptor < 0) throw callFailed(`open a socket for ${what}`);
  }

  /**
   * Binds it to an address.
   * @param port host order; 0 for raw sockets
   * @throws LiveError `PORT_IN_USE`; `NOT_THERE` if no local device has the address; `NOT_PERMITTED`
   */
  bind(address: Uint8Array, port: number, where: string): void {
    const memory = new NativeMemory(SOCKADDR_BYTES);
    const length = putSocketAddress(memory.bytes, 0, address, port);
    if (linux().bind(this.descriptor, memory.address, length) >= 0) return;
    const errno = lastErrno();
    // Ports below ip_unprivileged_port_start (ip(7)), 1024 by default: what the kernel refuses with EACCES.
    const isPort = errno === Errno.Access;
    throw callFailed(`bind ${this.#what} to ${where}`, errno, isPort ? 'CAP_NET_BIND_SERVICE' : undefined);
  }

  /**
   * Waits for connections.
   * @param backlog most connections that wait to be accepted
   * @throws LiveError `PORT_IN_USE`
   */
  listen(backlog: number): void {
    if (linux().listen(this.descriptor, backlog) < 0) throw callFailed(`listen on ${this.#what}`);
  }

  /**
   * Connects to an address: datagrams are then exchanged with it alone. A stream's connection is complete, or has failed,
   * once the socket is writable.
   * @param port host order
   * @returns whether it is connected, or on the way there
   */
  connect(address: Uint8Array, port: number): boolean {
    const memory = new NativeMemory(SOCKADDR_BYTES);
    const length = putSocketAddress(memory.bytes, 0, address, port);
    return linux().connect(this.descriptor, memory.address, length) >= 0 || lastErrno() === Errno.InProgress;
  }

  /** Sets an option to a number; returns whether the system accepted it. */
  set(option: Option, value: number): boolean {
    return linux().setsockopt(this.descriptor, option.level, option.name, cInt(value).address, 4) === 0;
  }

  /** Sets an option to bytes; returns whether the system accepted it. */
  setBytes(option: Option, value: Uint8Array): boolean {
    const memory = new NativeMemory(value.length);
    memory.bytes.set(value);
    return linux().setsockopt(this.descriptor, option.level, option.name, memory.address, value.length) === 0;
  }

  /**
   * Attaches a program, which decides before packets are queued.
   * @throws LiveError `SYSTEM_CALL`
   */
  attach(
    option: typeof SocketOption.AttachFilter | typeof SocketOption.ReusePortFilter,
    program: readonly BpfInstruction[],
  ): void {
    const instructions = new NativeMemory(program.length * BPF_INSTRUCTION_BYTES);
    instructions.bytes.set(bpfBytes(program));
    const memory = new NativeMemory(PROGRAM_BYTES);
    const view = new DataView(memory.bytes.buffer, memory.bytes.byteOffset);
    view.setUint16(0, program.length, true);
    view.setBigUint64(PROGRAM_POINTER, BigInt(instructions.address), true);
    if (linux().setsockopt(this.descriptor, option.level, option.name, memory.address, PROGRAM_BYTES) === 0) return;
    throw callFailed(`attach a filter to ${this.#what}`);
  }

  /**
   * Requests queues of this many bytes, beyond the system's limits if permitted. The system has a minimum of its own.
   * @param sending of the queue of packets to send; default: the same
   */
  setBuffers(receiving: number, sending = receiving): void {
    if (!this.set(SocketOption.ReceiveBufferForce, receiving)) this.set(SocketOption.ReceiveBuffer, receiving);
    if (!this.set(SocketOption.SendBufferForce, sending)) this.set(SocketOption.SendBuffer, sending);
  }

  /** Packets dropped because its receive queue was full. */
  get overrun(): number {
    const words = new NativeMemory(4 * MEMINFO_WORDS);
    const length = cInt(4 * MEMINFO_WORDS);
    if (linux().getsockopt(this.descriptor, SOL_SOCKET, SO_MEMINFO, words.address, length.address) < 0) return 0;
    const { bytes } = words;
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(4 * MEMINFO_DROPS, true);
  }

  /** Gives the descriptor to the caller, who closes it from now on. */
  release(): number {
    this.#open = false;
    return this.descriptor;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    linux().close(this.descriptor);
  }
}
