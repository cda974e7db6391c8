/** A capture whose packets are counted as someone else reads them. */
import { type CaptureBatch, isLinkTypeKnown, type PacketSource } from '../../capture/index.js';

/** Counts the packets of a source, and finds out whether any can be decoded. */
export class CountedSource implements PacketSource {
  packets = 0;
  /** Whether a packet has a link type that is known. */
  readable = false;
  readonly #source: PacketSource;
  readonly #signal: AbortSignal | undefined;

  /** @param signal ends the reading: `next` throws its reason */
  constructor(source: PacketSource, signal?: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
  }

  get name(): string {
    return this.#source.name;
  }

  get format(): PacketSource['format'] {
    return this.#source.format;
  }

  get interfaces(): PacketSource['interfaces'] {
    return this.#source.interfaces;
  }

  get notes(): PacketSource['notes'] {
    return this.#source.notes;
  }

  get damage(): PacketSource['damage'] {
    return this.#source.damage;
  }

  get position(): number {
    return this.#source.position;
  }

  get size(): number | undefined {
    return this.#source.size;
  }

  async next(): Promise<CaptureBatch | undefined> {
    this.#signal?.throwIfAborted();
    const batch = await this.#source.next();
    if (batch === undefined) return undefined;
    this.packets += batch.count;
    for (let i = 0; !this.readable && i < batch.count; i++) this.readable = isLinkTypeKnown(batch.linkType[i]);
    return batch;
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}
