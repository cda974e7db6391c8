/** Writes inner frames with comments about the packets around them, and packets that have none. */
import { type CaptureBatch, type PcapngWriter } from '../../capture/index.js';
import { UnderlayDecoder, type UnderlayDecoderOptions, Verdict } from '../../dataplane/index.js';
import type { InboundEsp } from '../../ipsec/index.js';
import { networkText } from '../../frames/internal.js';
import { OuterComment } from './outer-comment.js';

/** Networks beyond this number share one interface of the output. */
const MAX_INTERFACES = 4096;
/** Key of the interface of further networks. */
const OTHERS = -1;

/** What to write. */
export interface CommentedFramesOptions {
  readonly decoder: UnderlayDecoderOptions;
  /** Names of networks, by VNI. */
  readonly names: ReadonlyMap<number, string>;
  /** Whether to write packets of the overlay that have no frame: encrypted without a key, damaged. */
  readonly undecoded: boolean;
  /** Name of the device. */
  readonly device: string;
}

/** Writes each network's frames to an interface of its own, and packets as they are to one for each link type. */
export class CommentedFrames {
  /** Inner frames written. */
  frames = 0;
  /** Packets written as they are. */
  undecoded = 0;
  readonly #writer: PcapngWriter;
  readonly #options: CommentedFramesOptions;
  #decoder: UnderlayDecoder;
  readonly #comment: OuterComment;
  readonly #networks = new Map<number, number>();
  readonly #linkTypes = new Map<number, number>();

  constructor(writer: PcapngWriter, options: CommentedFramesOptions) {
    this.#writer = writer;
    this.#options = options;
    this.#decoder = new UnderlayDecoder({ ...options.decoder, applyEcn: true });
    this.#comment = new OuterComment(options.names);
  }

  /** Decrypts with other keys from now on. Fragments of packets that aren't complete are forgotten. */
  useKeys(esp: InboundEsp): void {
    this.#decoder = new UnderlayDecoder({ ...this.#options.decoder, esp, applyEcn: true });
  }

  /** Writes what a batch contains. */
  take(batch: CaptureBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const verdict = this.#decoder.receivePacket(batch, i);
      if (verdict === Verdict.Frame) this.#writeFrame(batch, i);
      else if (this.#options.undecoded && (verdict === Verdict.Esp || verdict === Verdict.Dropped)) {
        this.#writePacket(batch, i, verdict);
      }
    }
  }

  #writeFrame(batch: CaptureBatch, i: number): void {
    const decoder = this.#decoder;
    const { frameOffset, frameEnd } = decoder;
    const length = frameEnd - frameOffset;
    this.frames++;
    this.#writer.write(
      decoder.outerBytes,
      frameOffset,
      length,
      length,
      batch.seconds[i],
      batch.nanoseconds[i],
      this.#interfaceOf(decoder.vni),
      this.#comment.frame(decoder),
    );
  }

  /** A packet as it was captured. */
  #writePacket(batch: CaptureBatch, i: number, verdict: Verdict): void {
    const decoder = this.#decoder;
    this.undecoded++;
    this.#writer.write(
      batch.bytes,
      batch.offset[i],
      batch.capturedLength[i],
      batch.originalLength[i],
      batch.seconds[i],
      batch.nanoseconds[i],
      this.#interfaceOfLink(batch.linkType[i]),
      verdict === Verdict.Esp ? this.#comment.undecrypted(decoder) : this.#comment.dropped(decoder, decoder.reason),
    );
  }

  #interfaceOf(vni: number): number {
    const known = this.#networks.get(vni);
    if (known !== undefined) return known;
    const key = this.#networks.size >= MAX_INTERFACES ? OTHERS : vni;
    let id = this.#networks.get(key);
    if (id === undefined) {
      const name = this.#options.names.get(vni);
      id = this.#writer.addInterface(key === OTHERS ? 'other VNIs' : `vni ${networkText({ vni, name })}`);
      this.#networks.set(key, id);
    }
    return id;
  }

  #interfaceOfLink(linkType: number): number {
    let id = this.#linkTypes.get(linkType);
    if (id === undefined) {
      id = this.#writer.addInterface(`${this.#options.device}, not decoded`, linkType);
      this.#linkTypes.set(linkType, id);
    }
    return id;
  }
}
