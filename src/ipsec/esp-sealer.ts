/**
 * Seals payloads as ESP in place and in batches (RFC 4303 section 3.3, RFC 4106): header and IV are written before the
 * payload, trailer and ICV after it. IP headers are handled by outbound.ts.
 */
import { type Aead, AeadBatch, NONCE_STRIDE } from '../aead/portable.js';
import { viewOf } from '../memory/internal.js';
import { IpProtocol, onesSum, pseudoHeaderSum } from '../wire/index.js';
import { EspDrop } from './esp-drop.js';
import { ESP_HEADER_BYTES, ESP_TRAILER_BYTES, espPadding, putAad } from './esp-format.js';
import type { OutboundSa } from './outbound-sa.js';
import { PendingSas } from './pending-sas.js';
import { SaFlag, SaFloat, type SaMemory, SaWord } from './sa-table.js';

const UDP_CHECKSUM = 6;
const NO_UDP = -1;

/** Seals payloads. A pushed payload is sealed when the batch is full, or by `flush`. */
export class EspSealer {
  /** Start and end of the ESP packet of the last `push`. */
  espOffset = 0;
  espEnd = 0;
  readonly #aead: Aead;
  readonly #batch: AeadBatch;
  /** The packets' SAs, whose keys are held until the packets are sealed. */
  readonly #sas: PendingSas<OutboundSa>;
  /**
   * Offsets of the UDP headers that need a checksum over the sealed bytes, or `NO_UDP`, and of their IPv6 addresses.
   */
  readonly #udp: Int32Array;
  readonly #addresses: Int32Array;

  /**
   * @param aead the cipher that holds the SAs' keys
   * @param capacity packets per batch
   */
  constructor(aead: Aead, capacity = 256) {
    this.#aead = aead;
    this.#batch = new AeadBatch(capacity);
    this.#sas = new PendingSas(capacity);
    this.#udp = new Int32Array(capacity);
    this.#addresses = new Int32Array(capacity);
  }

  /**
   * Writes a payload's header, IV and trailer, and adds it to the batch; the packet is at `espOffset` to `espEnd`. Its
   * bytes must not change until `flush`.
   * @param bytes with 16 free bytes before `offset`, and room after `end` for padding (0 to 3), trailer (2) and ICV
   * @param offset offset of the payload
   * @param end end of the payload
   * @param nextHeader protocol number of the payload
   * @param seconds the clock of the SA's limits
   * @param roomEnd end of the room for trailer and ICV
   * @returns `NoRoom`, `SequenceExhausted`, `SequenceNotReserved`, `Expired`, or `None`
   */
  push(
    sa: OutboundSa,
    bytes: Uint8Array,
    offset: number,
    end: number,
    nextHeader: number,
    seconds: number,
    roomEnd: number = bytes.length,
  ): EspDrop {
    return this.pushRow(sa, sa.memory, sa.at, bytes, offset, end, nextHeader, seconds, roomEnd);
  }

  /** @internal `push` for an SA whose row is known; the object isn't read unless something is unusual. */
  pushRow(
    sa: OutboundSa,
    memory: SaMemory,
    at: number,
    bytes: Uint8Array,
    offset: number,
    end: number,
    nextHeader: number,
    seconds: number,
    roomEnd: number,
  ): EspDrop {
    const { words, floats } = memory;
    const flags = words[at + SaWord.Flags];
    const icvLength = flags & SaFlag.IcvMask;
    const length = end - offset;
    const padding = espPadding(length);
    const trailer = end + padding;
    const icvOffset = trailer + ESP_TRAILER_BYTES;
    const header = offset - ESP_HEADER_BYTES;
    if (header < 0 || length < 0 || icvOffset + icvLength > roomEnd) return EspDrop.NoRoom;
    if (words[at + SaWord.Key] < 0) return EspDrop.Expired;
    const limited = (flags & SaFlag.Limited) !== 0;
    if (limited && !sa.lifetime.allows(seconds)) return EspDrop.Expired;
    if (
      words[at + SaWord.SequenceLow] === words[at + SaWord.CeilingLow] &&
      words[at + SaWord.SequenceHigh] === words[at + SaWord.CeilingHigh]
    ) {
      const drop = sa.raiseCeiling();
      if (drop !== EspDrop.None) return drop;
    }
    const batch = this.#batch;
    if (batch.count === batch.capacity || (batch.count > 0 && batch.bytes !== bytes)) this.flush();
    if (limited) {
      sa.lifetime.count(length, seconds);
    } else {
      floats[(at >>> 1) + SaFloat.Packets]++;
      floats[(at >>> 1) + SaFloat.Bytes] += length;
    }
    const low = (words[at + SaWord.SequenceLow] + 1) | 0;
    words[at + SaWord.SequenceLow] = low;
    const high = low === 0 ? (words[at + SaWord.SequenceHigh] + 1) | 0 : words[at + SaWord.SequenceHigh];
    words[at + SaWord.SequenceHigh] = high;
    const spi = words[at + SaWord.Spi];
    const ivHigh = high ^ words[at + SaWord.MaskHigh];
    const ivLow = low ^ words[at + SaWord.MaskLow];
    const view = viewOf(bytes);
    view.setInt32(header, spi);
    view.setInt32(header + 4, low);
    view.setInt32(header + 8, ivHigh);
    view.setInt32(header + 12, ivLow);
    for (let i = 0; i < padding; i++) bytes[end + i] = i + 1;
    bytes[trailer] = padding;
    bytes[trailer + 1] = nextHeader;
    const index = batch.count++;
    batch.bytes = bytes;
    batch.key[index] = words[at + SaWord.Key];
    this.#sas.add(index, sa, memory, at);
    this.#udp[index] = NO_UDP;
    batch.offset[index] = offset;
    batch.length[index] = icvOffset - offset;
    batch.icvOffset[index] = icvOffset;
    batch.icvLength[index] = icvLength;
    const nonce = index * NONCE_STRIDE;
    const { nonceView } = batch;
    nonceView.setInt32(nonce, words[at + SaWord.Salt]);
    nonceView.setInt32(nonce + 4, ivHigh);
    nonceView.setInt32(nonce + 8, ivLow);
    const esn = (flags & SaFlag.Esn) !== 0;
    batch.aadLength[index] = putAad(batch.aadView, index * batch.aadStride, spi, esn, high, low);
    this.espOffset = header;
    this.espEnd = icvOffset + icvLength;
    return EspDrop.None;
  }

  /**
   * Requests the checksum of the UDP header before the ESP packet of the last `push`, computed once it is sealed:
   * mandatory over IPv6 (RFC 8200 section 8.1).
   * @param udp offset of the UDP header
   * @param addresses offset of the IPv6 addresses
   */
  wantChecksum(udp: number, addresses: number): void {
    const last = this.#batch.count - 1;
    this.#udp[last] = udp;
    this.#addresses[last] = addresses;
  }

  /**
   * Seals the pushed payloads, including those of SAs closed since.
   * @throws whatever the cipher throws; the payloads are wiped then, so that none can leave in cleartext
   */
  flush(): void {
    const batch = this.#batch;
    const { count } = batch;
    if (count === 0) return;
    let sealed = false;
    try {
      this.#aead.seal(batch);
      sealed = true;
    } finally {
      for (let i = 0; i < count; i++) {
        if (!sealed) batch.bytes.fill(0, batch.offset[i], batch.icvOffset[i] + batch.icvLength[i]);
        else if (this.#udp[i] !== NO_UDP) this.#putChecksum(i);
      }
      this.#sas.release(count);
      batch.count = 0;
    }
  }

  #putChecksum(i: number): void {
    const { bytes, icvOffset, icvLength } = this.#batch;
    const udp = this.#udp[i];
    const end = icvOffset[i] + icvLength[i];
    const pseudo = pseudoHeaderSum(6, bytes, this.#addresses[i], IpProtocol.Udp, end - udp);
    // RFC 768: a checksum of zero is sent as all ones, since zero means no checksum.
    const sum = ~onesSum(bytes, udp, end, pseudo) & 0xffff || 0xffff;
    bytes[udp + UDP_CHECKSUM] = sum >>> 8;
    bytes[udp + UDP_CHECKSUM + 1] = sum;
  }
}
