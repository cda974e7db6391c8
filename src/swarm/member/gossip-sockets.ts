import type { GossipEndpoint, StreamMessage } from '../../gossip/index.js';
import { AcceptedStreams, type StreamContext, type StreamReceiver } from './accepted-streams.js';
import { GossipError } from './gossip-error.js';
import { OpenedStreams, type StreamOpener } from './opened-streams.js';
import { PacketSocket, type PacketSocketListener } from './packet-socket.js';

/** How often a port that is free for TCP and UDP is looked for. */
const TRIES = 16;

/** A member's sockets: UDP and TCP at one endpoint. */
export class GossipSockets {
  readonly endpoint: GossipEndpoint;
  readonly #packets: PacketSocket;
  readonly #accepted: AcceptedStreams;
  readonly #opened: OpenedStreams;

  private constructor(
    endpoint: GossipEndpoint,
    packets: PacketSocket,
    accepted: AcceptedStreams,
    opened: OpenedStreams,
  ) {
    this.endpoint = endpoint;
    this.#packets = packets;
    this.#accepted = accepted;
    this.#opened = opened;
  }

  /**
   * Opens them.
   * @param wanted port 0 for any that is free
   * @throws GossipError `PORT_IN_USE`, `NOT_THERE`, `NOT_PERMITTED`, `SOCKET_FAILED`
   */
  static async open(
    wanted: GossipEndpoint,
    context: StreamContext,
    listener: PacketSocketListener & StreamReceiver & StreamOpener,
  ): Promise<GossipSockets> {
    for (let tries = 1; ; tries += 1) {
      const accepted = await AcceptedStreams.listen(wanted, context, listener);
      const endpoint = { addr: Uint8Array.from(wanted.addr), port: accepted.port };
      try {
        const packets = await PacketSocket.open(endpoint, context.counters, listener);
        return new GossipSockets(endpoint, packets, accepted, new OpenedStreams(endpoint, context, listener));
      } catch (error) {
        await accepted.close();
        const isTaken = error instanceof GossipError && error.code === 'PORT_IN_USE';
        if (!isTaken || wanted.port !== 0 || tries === TRIES) throw error;
      }
    }
  }

  /** Sends a packet. */
  send(to: GossipEndpoint, bytes: Uint8Array): void {
    this.#packets.send(to, bytes);
  }

  /** Opens a stream, sends a message and waits for the answer. @param timeout milliseconds */
  openStream(id: number, to: GossipEndpoint, message: StreamMessage, timeout: number): void {
    this.#opened.open(id, to, message, timeout);
  }

  /** Closes all sockets and streams. */
  async close(): Promise<void> {
    this.#opened.close();
    await Promise.all([this.#packets.close(), this.#accepted.close()]);
  }
}
