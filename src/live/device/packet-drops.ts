/**
 * Packets that the kernel dropped because they weren't read in time: Linux counts them per packet socket (packet(7),
 * PACKET_STATISTICS). The cap package doesn't expose its socket; it is the packet socket that appears in the process
 * when the device is opened.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type ForeignFunction, NativeMemory } from '../../foreign/index.js';
import { LiveError } from '../error.js';
import { linux } from '../system/linux.js';

const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
/** Two 32-bit counts: packets including dropped ones, and drops. tpacket_stats_v3 has one more. */
const STATISTICS_BYTES = 12;

/** Descriptors of the process's packet sockets; empty without /proc. */
export function packetSockets(): readonly number[] {
  try {
    const lines = readFileSync('/proc/net/packet', 'latin1').trimEnd().split('\n').slice(1);
    const inodes = new Set(lines.map((line) => line.trimEnd().split(/\s+/).at(-1)));
    return readdirSync('/proc/self/fd')
      .filter((name) => inodes.has(inodeOf(name)))
      .map(Number);
  } catch {
    return [];
  }
}

function inodeOf(descriptor: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
  } catch {
    // Closed in the meantime: the directory itself was read through one.
    return undefined;
  }
}

/** Counts the kernel's drops of a packet socket. */
export class PacketDrops {
  /** Drops up to the last `read`. */
  total = 0;
  readonly #socket: number;
  readonly #getsockopt: ForeignFunction;
  readonly #statistics = new NativeMemory(STATISTICS_BYTES);
  readonly #length = new NativeMemory(4);

  private constructor(socket: number, getsockopt: ForeignFunction) {
    this.#socket = socket;
    this.#getsockopt = getsockopt;
  }

  /**
   * The counter of the one socket that is new since `before`.
   * @param before an earlier result of `packetSockets`
   * @returns undefined if there is no such socket, koffi isn't installed, or the system isn't Linux
   */
  static ofNewSocket(before: readonly number[]): PacketDrops | undefined {
    const opened = packetSockets().filter((socket) => !before.includes(socket));
    if (opened.length !== 1) return undefined;
    try {
      return new PacketDrops(opened[0], linux().getsockopt);
    } catch (error) {
      if (error instanceof LiveError) return undefined;
      throw error;
    }
  }

  /** Adds the drops since the last `read`; reading resets the kernel's counter. */
  read(): void {
    const length = new DataView(this.#length.bytes.buffer, this.#length.bytes.byteOffset);
    const counts = new Uint32Array(this.#statistics.bytes.buffer, this.#statistics.bytes.byteOffset, 2);
    length.setUint32(0, STATISTICS_BYTES, true);
    const failed = this.#getsockopt(
      this.#socket,
      SOL_PACKET,
      PACKET_STATISTICS,
      this.#statistics.address,
      this.#length.address,
    );
    if (failed === 0) this.total += counts[1];
  }
}
