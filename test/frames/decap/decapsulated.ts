/** Decapsulates captures in memory: in one pass, or each by itself and merged. */
import { deserialize, serialize } from 'node:v8';
import { MemoryReader, openCapture, PcapngWriter } from '../../../src/capture/portable.js';
import { UnderlayDecoder, type UnderlayDecoderOptions } from '../../../src/dataplane/index.js';
import { DecapMerge, type DecapPiece, decapPieces, ESP_ROWS, FrameWriter } from '../../../src/frames/internal.js';
import { openKeys } from '../../../src/frames/keys-input.js';
import { AddressTable, EspSurvey } from '../../../src/inspect/internal.js';
import type { InboundEsp } from '../../../src/ipsec/index.js';

/** How to decapsulate. */
export interface Options extends Omit<UnderlayDecoderOptions, 'esp'> {
  /** Path or text of keys. */
  readonly keys?: string;
  readonly keepTruncated?: boolean;
}

/** What came of it. */
export interface Decapsulated {
  /** The output, in pcapng: with the order of networks. */
  readonly output: Buffer;
  /** Everything that a report says. */
  readonly report: object;
}

class Pass {
  readonly written: Uint8Array[] = [];
  readonly esp = new EspSurvey(new AddressTable(ESP_ROWS), ESP_ROWS);
  readonly decoder: UnderlayDecoder;
  readonly writer: FrameWriter;

  constructor(options: Options, inbound: InboundEsp | undefined) {
    const { keepTruncated = false, ...decoding } = options;
    this.decoder = new UnderlayDecoder({ ...decoding, ...(inbound && { esp: inbound }), applyEcn: true });
    this.writer = new FrameWriter(new PcapngWriter((bytes) => this.written.push(bytes.slice())), keepTruncated);
  }

  end(): Decapsulated {
    const { written, esp, decoder, writer } = this;
    writer.flush();
    const { filtered, reserved, guess, drops, held } = decoder;
    const report = {
      sums: decoder.sums(),
      drops: [...drops.counts],
      held,
      filtered: filtered.vnis,
      reserved: [reserved.vnis, reserved.text],
      guesses: guess.ports,
      networks: [...writer.networks.values()],
      truncated: writer.truncated,
      timeless: writer.timeless,
      esp: esp.report(),
      problems: esp.problems(),
    };
    return { output: Buffer.concat(written), report };
  }
}

async function inboundOf(keys: string | undefined): Promise<InboundEsp | undefined> {
  return keys === undefined ? undefined : (await openKeys(keys)).esp;
}

/** Decapsulates captures in one pass. */
export async function inOnePass(captures: readonly Uint8Array[], options: Options = {}): Promise<Decapsulated> {
  const pass = new Pass(options, await inboundOf(options.keys));
  for (const bytes of captures) {
    const source = await openCapture(new MemoryReader(bytes));
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      pass.writer.addBatch(batch, pass.decoder, pass.esp);
    }
  }
  return pass.end();
}

/** The pieces of a capture, as another process would get them. */
export async function piecesOf(bytes: Uint8Array, options: Options = {}): Promise<DecapPiece[]> {
  const { keys, ...others } = options;
  const esp = await inboundOf(keys);
  const pieces: DecapPiece[] = [];
  for await (const piece of decapPieces(await openCapture(new MemoryReader(bytes)), {
    ...others,
    ...(esp && { esp }),
  })) {
    pieces.push(deserialize(serialize(piece)) as DecapPiece);
  }
  return pieces;
}

/** A merge, and what it has in the end. */
export async function newMerge(options: Options = {}): Promise<{ merge: DecapMerge; end: () => Decapsulated }> {
  const inbound = await inboundOf(options.keys);
  const pass = new Pass(options, inbound);
  const { writer, decoder, esp } = pass;
  return { merge: new DecapMerge({ writer, decoder, esp, inbound }), end: () => pass.end() };
}

/** Decapsulates each capture by itself, and merges them; undefined if that takes one pass. */
export async function merged(
  captures: readonly Uint8Array[],
  options: Options = {},
): Promise<Decapsulated | undefined> {
  const { merge, end } = await newMerge(options);
  for (const bytes of captures) {
    for (const piece of await piecesOf(bytes, options)) if (!merge.add(piece)) return undefined;
  }
  merge.end();
  return end();
}
