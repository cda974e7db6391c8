/**
 * Opens ESP packets in place and in batches (RFC 4303 section 3.4): sequence number, ICV, window, trailer, in this
 * order. IP headers are handled by inbound.ts.
 */
import { type Aead, AeadBatch, NONCE_STRIDE } from '../aead/portable.js';
import { viewOf } from '../memory/internal.js';
import { IpProtocol } from '../wire/index.js';
import { EspDrop } from './esp-drop.js';
import { ESP_HEADER_BYTES, ESP_TRAILER_BYTES, putAad } from './esp-format.js';
import type { InboundSa } from './inbound-sa.js';
import { PendingSas } from './pending-sas.js';
import { checkSequence, inferHigh, markSequence, ReplayVerdict } from './replay-window.js';
import { ROW_WORDS, SaFlag, SaFloat, type SaMemory, SaWord } from './sa-table.js';

/**
 * Opens ESP packets in batches: `push` adds a packet, `flush` opens them all and fills the columns with the results.
 */
export class EspOpener {
  /** Number of packets in the columns. */
  count = 0;
  /** Why a packet was dropped, an `EspDrop`; 0 if it wasn't. */
  readonly drop: Uint8Array;
  /** Start and end of the packet's payload, without padding. */
  readonly payloadOffset: Int32Array;
  readonly payloadEnd: Int32Array;
  /** Protocol number of the payload. */
  readonly nextHeader: Uint8Array;
  /** 1 if the payload is a whole IP packet (tunnel mode), 0 if it is a transport payload (transport mode). */
  readonly tunnelled: Uint8Array;
  /** The packet's sequence number; its high-order half is inferred with ESN and 0 without. */
  readonly sequenceHigh: Float64Array;
  readonly sequenceLow: Uint32Array;

  readonly #aead: Aead;
  readonly #batch: AeadBatch;
  readonly #sas: PendingSas<InboundSa>;
  readonly #seconds: Float64Array;
  #flushed = false;

  /**
   * @param aead the cipher that holds the SAs' keys
   * @param capacity packets per batch
   */
  constructor(aead: Aead, capacity = 256) {
    this.#aead = aead;
    this.#batch = new AeadBatch(capacity);
    this.#sas = new PendingSas(capacity);
    this.drop = new Uint8Array(capacity);
    this.payloadOffset = new Int32Array(capacity);
    this.payloadEnd = new Int32Array(capacity);
    this.nextHeader = new Uint8Array(capacity);
    this.tunnelled = new Uint8Array(capacity);
    this.sequenceHigh = new Float64Array(capacity);
    this.sequenceLow = new Uint32Array(capacity);
    this.#seconds = new Float64Array(capacity);
  }

  /** Whether the batch must be flushed, and its results taken, before the next `push`. */
  get full(): boolean {
    return !this.#flushed && this.count === this.#batch.capacity;
  }

  /**
   * Checks a packet's length and sequence number and adds it to the batch at index `count - 1`. The first call after a
   * `flush` begins a new batch. All packets of a batch are in one array, and must not change until `flush`.
   * @param offset offset of the ESP header
   * @param end end of the ICV
   * @param seconds the clock of the SA's limits
   * @returns `TooShort`, `Replayed`, `OutsideWindow` or `Expired` if the packet wasn't added; or `None`, and after
   * `flush` `drop` has the result, the same as if packets were opened one by one
   */
  push(sa: InboundSa, bytes: Uint8Array, offset: number, end: number, seconds: number): EspDrop {
    return this.pushRow(sa, sa.memory, sa.at, bytes, offset, end, seconds);
  }

  /** @internal `push` for an SA whose row is known; the object isn't read unless something is unusual. */
  pushRow(
    sa: InboundSa,
    memory: SaMemory,
    at: number,
    bytes: Uint8Array,
    offset: number,
    end: number,
    seconds: number,
  ): EspDrop {
    if (this.#flushed) {
      this.#flushed = false;
      this.count = 0;
    }
    const batch = this.#batch;
    if (this.count === batch.capacity || (this.count > 0 && batch.bytes !== bytes)) return sa.refuse(EspDrop.NoRoom);
    const { words } = memory;
    const flags = words[at + SaWord.Flags];
    const icvLength = flags & SaFlag.IcvMask;
    const esn = (flags & SaFlag.Esn) !== 0;
    const content = offset + ESP_HEADER_BYTES;
    const icvOffset = end - icvLength;
    if (offset < 0 || end > bytes.length || content + ESP_TRAILER_BYTES > icvOffset) return sa.refuse(EspDrop.TooShort);
    const view = viewOf(bytes);
    const low = view.getInt32(offset + 4);
    const own = (flags & SaFlag.OwnWindow) !== 0;
    const window = own ? memory : sa.window.memory;
    const windowAt = own ? at + ROW_WORDS : sa.window.at;
    const size = words[at + SaWord.WindowSize];
    const midStream = (flags & SaFlag.MidStream) !== 0;
    const high = esn ? inferHigh(window, windowAt, size, midStream, low >>> 0) : 0;
    const key = words[at + SaWord.Key];
    if (key < 0) return sa.refuse(EspDrop.Expired);
    const mask = words[at + SaWord.WindowMask];
    const verdict = checkSequence(window, windowAt, size, mask, midStream, high, low >>> 0);
    const drop =
      verdict !== ReplayVerdict.Fresh
        ? dropOf(verdict)
        : (flags & SaFlag.Limited) === 0 || sa.lifetime.allows(seconds)
          ? EspDrop.None
          : EspDrop.Expired;
    // Pending packets of this SA can change the reason, but can't make this packet acceptable.
    if (drop !== EspDrop.None && words[at + SaWord.Pending] === 0) return sa.refuse(drop);
    const index = this.count++;
    this.#sas.add(index, sa, memory, at);
    this.#seconds[index] = seconds;
    this.sequenceHigh[index] = high;
    this.sequenceLow[index] = low;
    batch.bytes = bytes;
    this.drop[index] = EspDrop.WrongIcv;
    batch.key[index] = key;
    batch.offset[index] = content;
    // Don't decrypt a packet that will be dropped anyway.
    batch.length[index] = drop === EspDrop.None ? icvOffset - content : 0;
    batch.icvOffset[index] = icvOffset;
    batch.icvLength[index] = icvLength;
    const nonce = index * NONCE_STRIDE;
    const { nonceView } = batch;
    nonceView.setInt32(nonce, words[at + SaWord.Salt]);
    nonceView.setInt32(nonce + 4, view.getInt32(offset + 8));
    nonceView.setInt32(nonce + 8, view.getInt32(offset + 12));
    const spi = words[at + SaWord.Spi];
    batch.aadLength[index] = putAad(batch.aadView, index * batch.aadStride, spi, esn, high, low);
    return EspDrop.None;
  }

  /**
   * Opens the pushed packets, including those of SAs closed since, and fills the columns.
   * @throws whatever the cipher throws; no packet is opened then
   */
  flush(): void {
    const batch = this.#batch;
    if (this.#flushed) return;
    this.#flushed = true;
    batch.count = this.count;
    if (batch.count === 0) return;
    try {
      this.#aead.open(batch);
    } finally {
      this.#sas.release(batch.count);
    }
    const sas = this.#sas;
    const inPlace = sas.areInPlace;
    for (let i = 0; i < this.count; i++) {
      const sa = sas.sa[i];
      const memory = inPlace ? sas.memory : sa.memory;
      const at = inPlace ? sas.at[i] : sa.at;
      const drop = this.#finish(sa, memory, at, i);
      this.drop[i] = drop;
      if (drop === EspDrop.None) memory.floats[(at >>> 1) + SaFloat.Verified]++;
      else sa.refuse(drop);
    }
  }

  /** Drops a packet that was opened, for a reason outside ESP. */
  reject(index: number, drop: EspDrop): EspDrop {
    const sa = this.#sas.sa[index];
    this.drop[index] = drop;
    sa.verified--;
    return sa.refuse(drop);
  }

  #finish(sa: InboundSa, memory: SaMemory, at: number, i: number): EspDrop {
    const batch = this.#batch;
    const { bytes } = batch;
    const low = this.sequenceLow[i];
    // Repeat all checks in the order of `push`: an earlier packet of the batch may have had the same number, advanced
    // the window, or exhausted the SA.
    const { words, floats } = memory;
    const flags = words[at + SaWord.Flags];
    const limited = (flags & SaFlag.Limited) !== 0;
    const own = (flags & SaFlag.OwnWindow) !== 0;
    const window = own ? memory : sa.window.memory;
    const windowAt = own ? at + ROW_WORDS : sa.window.at;
    const size = words[at + SaWord.WindowSize];
    const mask = words[at + SaWord.WindowMask];
    const midStream = (flags & SaFlag.MidStream) !== 0;
    const high = (flags & SaFlag.Esn) !== 0 ? inferHigh(window, windowAt, size, midStream, low) : 0;
    const moved = high !== this.sequenceHigh[i];
    this.sequenceHigh[i] = high;
    const verdict = checkSequence(window, windowAt, size, mask, midStream, high, low);
    if (verdict !== ReplayVerdict.Fresh) return dropOf(verdict);
    if (limited && !sa.lifetime.allows(this.#seconds[i])) return EspDrop.Expired;
    if (moved) {
      // The window has advanced: the number now belongs to the next 2^32, and the ICV doesn't cover that high-order
      // half.
      bytes.fill(0, batch.offset[i], batch.icvOffset[i]);
      return EspDrop.WrongIcv;
    }
    if (batch.verified[i] === 0) return EspDrop.WrongIcv;
    markSequence(window, windowAt, size, mask, midStream, high, low);
    const start = batch.offset[i];
    const trailer = batch.icvOffset[i] - ESP_TRAILER_BYTES;
    const padding = bytes[trailer];
    const end = trailer - padding;
    if (end < start) return EspDrop.BadPadding;
    for (let n = 0; n < padding; n++) if (bytes[end + n] !== n + 1) return EspDrop.BadPadding;
    if (limited) {
      sa.lifetime.count(end - start, this.#seconds[i]);
    } else {
      floats[(at >>> 1) + SaFloat.Packets]++;
      floats[(at >>> 1) + SaFloat.Bytes] += end - start;
    }
    const nextHeader = bytes[trailer + 1];
    if (nextHeader === IpProtocol.NoNext) return EspDrop.Dummy;
    const ip = nextHeader === IpProtocol.Ipip || nextHeader === IpProtocol.Ipv6;
    const tunnel = (flags & SaFlag.Tunnel) !== 0;
    if (tunnel && !ip) return EspDrop.ModeMismatch;
    this.payloadOffset[i] = start;
    this.payloadEnd[i] = end;
    this.nextHeader[i] = nextHeader;
    this.tunnelled[i] = tunnel || ((flags & SaFlag.InferMode) !== 0 && ip) ? 1 : 0;
    return EspDrop.None;
  }
}

function dropOf(verdict: ReplayVerdict): EspDrop {
  return verdict === ReplayVerdict.Replayed ? EspDrop.Replayed : EspDrop.OutsideWindow;
}
