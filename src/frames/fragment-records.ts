/** Keeps the captured packets of incomplete datagrams, so that a frame can name all packets that carried it. */
import { Layers, walkLink } from '../wire/index.js';
import type { CapturedPacket } from './captured-packet.js';

/** Maximum number of packets, and of their bytes; the datagrams of the oldest are then forgotten. */
const MAX_PACKETS = 16_384;
const MAX_BYTES = 16 << 20;

/** Held fragments by datagram, the oldest datagram first. */
export class FragmentRecords {
  readonly #datagrams = new Map<string, CapturedPacket[]>();
  readonly #layers = new Layers({ fromCapture: true });
  #packets = 0;
  #bytes = 0;

  /** Adds a fragment that is held for reassembly. Packets that aren't fragments on the wire are ignored. */
  hold(packet: CapturedPacket): void {
    const key = this.#keyOf(packet);
    if (key === undefined) return;
    const datagram = this.#datagrams.get(key);
    if (datagram === undefined) this.#datagrams.set(key, [packet]);
    else datagram.push(packet);
    this.#packets++;
    this.#bytes += packet.bytes.length;
    while (this.#packets > MAX_PACKETS || this.#bytes > MAX_BYTES) {
      const [oldest] = this.#datagrams.keys();
      this.#forget(oldest);
    }
  }

  /**
   * Removes and returns the fragments that a datagram consists of, the one that completed it last.
   * @param parts their number; earlier ones are left over from a datagram of the same identification that failed
   */
  take(last: CapturedPacket, parts: number): CapturedPacket[] {
    const key = this.#keyOf(last);
    const held = key === undefined ? undefined : this.#datagrams.get(key);
    if (key === undefined || held === undefined) return [last];
    this.#forget(key);
    return [...held.slice(Math.max(0, held.length - parts + 1)), last];
  }

  #forget(key: string): void {
    const datagram = this.#datagrams.get(key) ?? [];
    this.#datagrams.delete(key);
    this.#packets -= datagram.length;
    for (const { bytes } of datagram) this.#bytes -= bytes.length;
  }

  #keyOf({ bytes, linkType, originalLength }: CapturedPacket): string | undefined {
    const layers = this.#layers;
    walkLink(layers, linkType, bytes, 0, bytes.length, originalLength);
    if (layers.family === 0 || !layers.isFragment) return undefined;
    const span = layers.family === 4 ? 8 : 32;
    const addresses = bytes.subarray(layers.addressOffset, layers.addressOffset + span);
    return `${layers.identification} ${layers.protocol} ${addresses.join('.')}`;
  }
}
