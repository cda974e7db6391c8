/**
 * The underlay over node:dgram: unencrypted networks only, and the source port is always the VXLAN port. It needs
 * neither koffi nor Linux, nor privileges if the port is above 1023.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { type Arena, NO_SLOT, type PacketBatch } from '../../memory/index.js';
import { formatAddress, parseIp } from '../../overlay/index.js';
import { formatIp, IPV4_HEADER_LEN, IPV6_HEADER_LEN, UDP_HEADER_LEN } from '../../wire/index.js';
import { putSender } from './datagram-headers.js';
import { LiveError } from '../error.js';
import { putSocketAddress, SOCKADDR_BYTES } from './socket-address.js';
import { addressNotHere, portInUse, type UnderlayPort, type UnderlayCounters } from '../port/underlay-port.js';

/** Options of an underlay over node:dgram. */
export interface DatagramUnderlayOptions {
  /** This node's VTEP address, 4 or 16 bytes. */
  readonly vtep: Uint8Array;
  /** VXLAN UDP port. */
  readonly port: number;
  readonly arena: Arena;
}

/** Maximum number of packets waiting for `receive`, and waiting to be sent: Node's own queue is unbounded. */
const QUEUE = 1024;
const UNSENT = 8192;

interface Waiting {
  readonly payload: Uint8Array;
  readonly name: Uint8Array;
}

/** A node:dgram socket. */
export class DatagramUnderlay implements UnderlayPort {
  readonly name = 'UDP socket of Node';
  readonly carriesEsp = false;
  readonly descriptors: readonly number[] = [];
  readonly #socket: Socket;
  readonly #family: 4 | 6;
  /** Bytes of the outer IP and UDP headers, which the kernel writes. */
  readonly #skip: number;
  readonly #port: number;
  readonly #queue: Waiting[] = [];
  #addresses: readonly (string | undefined)[] = [];
  #open = true;
  #received = 0;
  #sent = 0;
  #unsent = 0;
  #overrun = 0;
  readonly #refused: Record<string, number> = {};

  private constructor(socket: Socket, { vtep, port }: DatagramUnderlayOptions) {
    this.#socket = socket;
    this.#family = vtep.length === 4 ? 4 : 6;
    this.#port = port;
    this.#skip = UDP_HEADER_LEN + (this.#family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);
    socket.on('message', (payload, from) => this.#enqueue(payload, from));
    // Errors about packets sent earlier; failed sends are reported to their callbacks.
    socket.on('error', (error) => this.#countError(error));
  }

  /**
   * Opens the socket.
   * @throws LiveError `PORT_IN_USE`, `NOT_THERE`, `NOT_PERMITTED`, `SYSTEM_CALL`
   */
  static async open(options: DatagramUnderlayOptions): Promise<DatagramUnderlay> {
    const { vtep, port } = options;
    const family = vtep.length === 4 ? 4 : 6;
    const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', ipv6Only: family === 6 });
    try {
      await new Promise<void>((done, fail) => {
        socket.once('error', fail);
        socket.bind({ address: formatIp(family, vtep), port, exclusive: true }, () => {
          socket.off('error', fail);
          done();
        });
      });
    } catch (error) {
      socket.close();
      throw bindFailed(error as NodeJS.ErrnoException, port, formatIp(family, vtep));
    }
    return new DatagramUnderlay(socket, options);
  }

  get counters(): UnderlayCounters {
    const refused = { ...this.#refused };
    return { received: this.#received, sent: this.#sent, refused, overrun: this.#overrun };
  }

  setNodes(vteps: readonly (Uint8Array | undefined)[]): void {
    this.#addresses = vteps.map((vtep) => vtep && formatAddress(vtep));
  }

  receive(_packets: PacketBatch, datagrams: PacketBatch): number {
    const { arena } = datagrams;
    let count = 0;
    for (; count < this.#queue.length && !datagrams.full; count++) {
      const { payload, name } = this.#queue[count];
      if (payload.length > arena.frameBytes) {
        this.#overrun++;
        continue;
      }
      const slot = arena.take();
      // The payload stays queued: only packets beyond the queue's capacity are lost.
      if (slot === NO_SLOT) break;
      const start = arena.frameOffsetOf(slot);
      arena.bytes.set(payload, start);
      // Node doesn't report the traffic class.
      const at = datagrams.push(slot, start, start + payload.length);
      datagrams.sender[at] = putSender(arena.bytes, start, this.#family, name, 0);
      this.#received++;
    }
    this.#queue.splice(0, count);
    return count;
  }

  send(batch: PacketBatch): void {
    const { arena, start, end, node } = batch;
    for (let i = 0; i < batch.count; i++) {
      if (this.#unsent >= UNSENT) {
        this.#refuse('ENOBUFS');
        continue;
      }
      const address = this.#addresses[node[i]];
      if (address === undefined) {
        this.#refuse('EDESTADDRREQ');
        continue;
      }
      this.#unsent++;
      // A copy, since the slot is reused before Node has sent the packet.
      const payload = arena.bytes.slice(start[i] + this.#skip, end[i]);
      this.#socket.send(payload, this.#port, address, (error) => {
        this.#unsent--;
        if (error === null) this.#sent++;
        else this.#countError(error);
      });
    }
  }

  /** Closes the socket. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.close();
  }

  #enqueue(payload: Uint8Array, { address, port }: RemoteInfo): void {
    if (this.#queue.length >= QUEUE) {
      this.#overrun++;
      return;
    }
    const name = new Uint8Array(SOCKADDR_BYTES);
    // A link-local address has its interface as a suffix.
    putSocketAddress(name, 0, parseIp(address.replace(/%.*$/, '')), port);
    this.#queue.push({ payload, name });
  }

  #countError(error: NodeJS.ErrnoException): void {
    this.#refuse(error.code ?? 'UNKNOWN');
  }

  #refuse(name: string): void {
    this.#refused[name] = (this.#refused[name] ?? 0) + 1;
  }
}

function bindFailed(error: NodeJS.ErrnoException, port: number, address: string): LiveError {
  switch (error.code) {
    case 'EADDRINUSE':
      return portInUse(port, error);
    case 'EADDRNOTAVAIL':
      return addressNotHere(address, error);
    case 'EACCES':
    case 'EPERM':
      return new LiveError('NOT_PERMITTED', `UDP port ${port} of ${address}: permission denied`, { cause: error });
    default:
      return new LiveError('SYSTEM_CALL', `can't bind UDP port ${port} to ${address} (${error.code})`, {
        cause: error,
      });
  }
}
