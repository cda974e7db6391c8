/** Goes through records of IP packets as if they were decoded now. */
import { HeaderError, type Layers } from '../../wire/index.js';
import { PartError } from './part-error.js';
import { type PacketColumns, walkRecord } from './packet-records.js';

/** Parses the packets of a part in order. */
export class PacketReader {
  readonly #columns: PacketColumns;
  readonly #layers: Layers;
  readonly #kept: (layers: Layers) => number;
  readonly #take: (bytes: Uint8Array, layers: Layers, end: number, index: number) => void;
  #next = 0;
  #offset = 0;

  /**
   * @param layers gets the parsed headers
   * @param kept how many bytes from its IP header on are kept of a packet, if as many were captured
   * @param take called for each packet, with the end of its captured bytes
   */
  constructor(
    columns: PacketColumns,
    layers: Layers,
    kept: (layers: Layers) => number,
    take: (bytes: Uint8Array, layers: Layers, end: number, index: number) => void,
  ) {
    this.#columns = columns;
    this.#layers = layers;
    this.#kept = kept;
    this.#take = take;
  }

  /**
   * Takes the packets before the one with this index.
   * @throws PartError if the bytes that are there aren't what is kept of a packet: nothing that is read of it is beyond them
   */
  upTo(index: number): void {
    const { bytes, stored, captured } = this.#columns;
    const layers = this.#layers;
    for (; this.#next < index; this.#next++) {
      const offset = this.#offset;
      const length = captured[this.#next];
      walkRecord(this.#columns, this.#next, offset, layers);
      if (layers.headerError !== HeaderError.None || layers.family === 0)
        throw new PartError('a packet has no headers');
      if (Math.min(this.#kept(layers), length) !== stored[this.#next]) throw new PartError('a packet is not whole');
      this.#take(bytes, layers, offset + length, this.#next);
      this.#offset += stored[this.#next];
    }
  }
}
