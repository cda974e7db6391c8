import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { GossipEndpoint } from '../../gossip/index.js';
import { formatAddress } from '../../overlay/internal.js';
import { endpointText, isReachable, withoutZone } from './address-text.js';
import type { RunningCounters } from './gossip-counters.js';
import { socketError } from './gossip-error.js';
import type { ArrivedPacket } from './packet-inbox.js';

/** Bytes that may wait to be sent. */
const MAX_WAITING = 4 * 1024 * 1024;
/** Room for packets that arrive while this thread is busy, in bytes; the system may grant less. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;
const IPV4_BYTES = 4;

/** What a packet socket reports. */
export interface PacketSocketListener {
  packetArrived(packet: ArrivedPacket): void;
  socketFailed(error: Error): void;
}

/** The UDP socket of a member. */
export class PacketSocket {
  readonly #socket: Socket;
  readonly #own: GossipEndpoint;
  readonly #counters: RunningCounters;
  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#counters.drop('not-sent');
  };

  private constructor(socket: Socket, own: GossipEndpoint, counters: RunningCounters) {
    this.#socket = socket;
    this.#own = own;
    this.#counters = counters;
  }

  /**
   * Opens and binds it.
   * @throws GossipError `PORT_IN_USE`, `NOT_THERE`, `NOT_PERMITTED`, `SOCKET_FAILED`
   */
  static async open(
    endpoint: GossipEndpoint,
    counters: RunningCounters,
    listener: PacketSocketListener,
  ): Promise<PacketSocket> {
    const family = endpoint.addr.length;
    const type = family === IPV4_BYTES ? 'udp4' : 'udp6';
    // Addresses are never names, and Node's own resolver costs more than the packet.
    const socket = createSocket({
      type,
      ipv6Only: type === 'udp6',
      lookup: (host, _, found) => found(null, host, family === IPV4_BYTES ? 4 : 6),
    });
    try {
      // Without a resolver, it may be listening at once.
      const listening = once(socket, 'listening');
      socket.bind({ address: formatAddress(endpoint.addr), port: endpoint.port, exclusive: true });
      await listening;
    } catch (error) {
      socket.close();
      throw socketError(`UDP ${endpointText(endpoint)}`, error as Error);
    }
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER);
    } catch {
      // The default works, too.
    }
    socket.on('error', (error) => listener.socketFailed(socketError(`UDP ${endpointText(endpoint)}`, error)));
    socket.on('message', (bytes: Buffer, { address, port }: RemoteInfo) => {
      // A plain array: the slices of a Buffer are views.
      const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
      listener.packetArrived({ bytes: plain, address: withoutZone(address), port });
    });
    return new PacketSocket(socket, endpoint, counters);
  }

  /** Sends a packet, or counts it as `not-sent`. */
  send(to: GossipEndpoint, bytes: Uint8Array): void {
    if (!isReachable(to, this.#own) || this.#socket.getSendQueueSize() > MAX_WAITING) {
      this.#counters.drop('not-sent');
      return;
    }
    this.#counters.packetsSent += 1;
    this.#counters.bytesSent += bytes.length;
    this.#socket.send(bytes, to.port, formatAddress(to.addr), this.#sent);
  }

  async close(): Promise<void> {
    await new Promise<void>((done) => void this.#socket.close(done));
  }
}
