/** Packets decoded one by one, from where they are in their files. */
import { type ByteLocation, type ByteStore, storeAt } from '../../capture/index.js';
import {
  columnsOf,
  type OpeningOptions,
  type PacketDetail,
  packetDetail,
  PacketKeys,
  PacketReader,
  type ReadPacket,
  rowInfo,
} from '../../detail/index.js';
import { type CaptureIndex, type FileRow, PacketMark } from '../../index/index.js';
import type { GivenText } from '../../worker/messages.js';

/** Decodes packets of what is open. */
export class PacketDetails {
  readonly reader: PacketReader;
  readonly options: OpeningOptions;
  readonly keys: PacketKeys;
  readonly #index: CaptureIndex;

  /** @param keys those of all texts */
  constructor(captures: readonly ByteLocation[], keys: PacketKeys, index: CaptureIndex) {
    this.keys = keys;
    this.#index = index;
    this.reader = new PacketReader(index, storesOf(index.tables.files, captures));
    this.options = { openEsp: () => keys.open() };
  }

  /** The first packets of the index: the same object while it grows. */
  get origin(): unknown {
    return this.#index.parts[0];
  }

  /** What packets do, in a line each. @param packets numbers from 0, ascending */
  async infos(packets: readonly number[]): Promise<string[]> {
    const read = await this.reader.readAll(packets);
    return Promise.all(
      read.map(async (packet) => {
        const { outer, inner, remarks } = rowInfo(packet, await this.#fragmentsOf(packet.row), this.options);
        return [(inner ?? outer).info, remarks].filter((text) => text !== '').join(' · ');
      }),
    );
  }

  /** The layers of a packet. @param packet number from 0 */
  async detail(packet: number): Promise<PacketDetail> {
    const [read, fragments] = await Promise.all([this.reader.read(packet), this.#fragmentsOf(packet)]);
    return packetDetail(read, fragments, this.options);
  }

  /** The fragments before a packet that completes a datagram; none before others. */
  async #fragmentsOf(packet: number): Promise<ReadPacket[]> {
    const { part, i } = columnsOf(this.#index, packet);
    return (part.marks[i] & PacketMark.Reassembled) === 0 ? [] : this.reader.fragmentsBefore(packet);
  }
}

/** The keys of texts. */
export function keysOf(texts: readonly GivenText[]): PacketKeys {
  return new PacketKeys(texts.map(({ text }) => text));
}

/** The files of an index: the captures, without those that turned out to be none. */
function storesOf(files: readonly FileRow[], captures: readonly ByteLocation[]): ByteStore[] {
  const stores = captures.map(storeAt);
  let next = 0;
  return files.flatMap(({ name, size }) => {
    const at = stores.findIndex((store, i) => i >= next && store.name === name && store.size === size);
    next = at + 1;
    return at < 0 ? [] : [stores[at]];
  });
}
