/** Posts the index while it grows: the first packets at once, then in large parts. */
import type { PacketIndexer } from '../index/packet-indexer.js';
import { PART_PACKETS } from '../index/packet-columns.js';
import { buffersOf } from '../index/packet-parts.js';
import type { IndexTables } from '../index/capture-index.js';
import type { WorkerMessage } from './messages.js';

/** Sends a message to the page. */
export type Post = (message: WorkerMessage, transfer: Transfer[]) => void;
/** Memory that changes its owner with a message. */
export type Transfer = ArrayBufferLike;

/** Milliseconds between messages. */
const INTERVAL_MS = 250;
/** Packets that the first message waits for: more than a window shows. */
const FIRST_PACKETS = 200;

/** Posts what an indexer has. */
export class IndexPoster {
  readonly #indexer: PacketIndexer;
  readonly #post: Post;
  readonly #size: number;
  #posted = 0;
  #last = 0;

  /** @param size bytes of all files */
  constructor(indexer: PacketIndexer, post: Post, size: number) {
    this.#indexer = indexer;
    this.#post = post;
    this.#size = size;
  }

  /** Makes room for some packets, at most `PART_PACKETS`. */
  reserve(packets: number, position: number): void {
    if (this.#indexer.waiting + packets > PART_PACKETS) this.flush(position);
  }

  /**
   * Posts if it is time.
   * @param position bytes read so far, of all files
   */
  tick(position: number): void {
    const { waiting } = this.#indexer;
    const isDue =
      this.#posted === 0
        ? waiting >= FIRST_PACKETS
        : waiting === PART_PACKETS || performance.now() - this.#last >= INTERVAL_MS;
    if (isDue) this.flush(position);
  }

  /** Posts what there is. */
  flush(position: number): void {
    this.#last = performance.now();
    this.#posted++;
    const part = this.#indexer.take();
    const tables = this.#indexer.tables();
    const message = { kind: 'packets', part, tables, position, size: this.#size } as const;
    this.#post(message, [...buffersOf(part), ...tableBuffers(tables)]);
  }
}

/** The memory of tables, to transfer it. */
export function tableBuffers({ flows }: IndexTables): Transfer[] {
  return [flows.vni, flows.family, flows.protocol, flows.port, flows.address].map(({ buffer }) => buffer);
}
