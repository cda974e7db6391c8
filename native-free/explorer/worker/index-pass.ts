/** Indexes the packets of captures without examining them. */
import { BATCH_PACKETS, type CaptureBatch } from '../../../src/capture/portable.js';
import { UnderlayDecoder, type UnderlayDecoderOptions, Verdict } from '../../../src/dataplane/index.js';
import { ChecksumTable } from '../../../src/inspect/internal.js';
import { Layers } from '../../../src/wire/index.js';
import type { PacketIndexer } from '../index/packet-indexer.js';

/** Decodes packets as far as the index needs: as a survey does, without counting anything. */
export class IndexPass {
  readonly #indexer: PacketIndexer;
  readonly #decoder: UnderlayDecoder;
  readonly #inner = new Layers({ fromCapture: true });
  readonly #checksums = new ChecksumTable();

  constructor(indexer: PacketIndexer, options: UnderlayDecoderOptions) {
    this.#indexer = indexer;
    this.#decoder = new UnderlayDecoder(options);
  }

  addBatch(batch: CaptureBatch): void {
    for (let i = 0; i < batch.count && i < BATCH_PACKETS; i++) this.#add(batch, i);
  }

  #add(batch: CaptureBatch, index: number): void {
    const decoder = this.#decoder;
    const inner = this.#inner;
    const verdict = decoder.receivePacket(batch, index);
    let hasWrongChecksum = false;
    if (decoder.vni >= 0) {
      const { outerBytes, frameOffset, frameEnd, capturedEnd } = decoder;
      inner.walkEthernet(outerBytes, frameOffset, Math.min(frameEnd, capturedEnd), frameEnd);
      if (verdict === Verdict.Frame) {
        this.#checksums.add(outerBytes, decoder.outer, inner, decoder.opened);
        hasWrongChecksum = this.#checksums.wrong !== 0;
      }
    }
    this.#indexer.add(batch, index, decoder, verdict, inner, hasWrongChecksum);
  }
}
