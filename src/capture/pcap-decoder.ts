/** Decodes classic capture files: both byte orders, microseconds, nanoseconds and the modified format. */
import { type CaptureBatch, MAX_ORIGINAL_LENGTH } from './batch.js';
import type { ByteWindow } from './byte-window.js';
import { CaptureError } from './error.js';
import { PCAP_HEADER, PCAP_LINK_TYPE_MASK, PCAP_MODIFIED_RECORD, PCAP_RECORD, PcapMagic } from './pcap-format.js';
import { type CaptureInterface, type CaptureNote, MAX_PACKET, NoteList, type RecordDecoder } from './record-decoder.js';

/** Whether a window begins with a classic file's magic, in either byte order. It must hold 4 bytes. */
export function isPcap(window: ByteWindow): boolean {
  const values: readonly number[] = Object.values(PcapMagic);
  return (
    values.includes(window.view.getUint32(window.start, true)) ||
    values.includes(window.view.getUint32(window.start, false))
  );
}

/** Extracts the records of a classic capture file. */
export class PcapDecoder implements RecordDecoder {
  readonly format = 'pcap';
  readonly interfaces: readonly CaptureInterface[];
  readonly #notes = new NoteList();
  readonly #little: boolean;
  readonly #recordHeader: number;
  /** Whether the file is little-endian, and its records have the usual header. */
  readonly #usual: boolean;
  readonly #nanosPerTick: number;
  readonly #linkType: number;
  #prepared: CaptureBatch | undefined;

  /**
   * Reads the file header.
   * @param window at the beginning of the file, holding the whole header
   * @throws CaptureError `UNSUPPORTED_CAPTURE` for a version other than 2.4
   */
  constructor(window: ByteWindow) {
    const { view, start } = window;
    const values: readonly number[] = Object.values(PcapMagic);
    this.#little = values.includes(view.getUint32(start, true));
    const magic = view.getUint32(start, this.#little);
    const major = view.getUint16(start + 4, this.#little);
    const minor = view.getUint16(start + 6, this.#little);
    if (major !== 2 || minor !== 4) {
      throw new CaptureError(
        'UNSUPPORTED_CAPTURE',
        `pcap version ${major}.${minor} is not supported, only 2.4 (tshark -F pcap converts it)`,
      );
    }
    this.#recordHeader = magic === PcapMagic.Modified ? PCAP_MODIFIED_RECORD : PCAP_RECORD;
    this.#usual = this.#little && this.#recordHeader === PCAP_RECORD;
    this.#nanosPerTick = magic === PcapMagic.Nano ? 1 : 1000;
    this.#linkType = view.getUint32(start + 20, this.#little) & PCAP_LINK_TYPE_MASK;
    this.interfaces = [
      {
        linkType: this.#linkType,
        name: undefined,
        snapLength: view.getUint32(start + 16, this.#little),
        ticksPerSecond: 1e9 / this.#nanosPerTick,
      },
    ];
    window.skip(PCAP_HEADER);
  }

  get notes(): readonly CaptureNote[] {
    return this.#notes.notes;
  }

  decode(window: ByteWindow, batch: CaptureBatch): void {
    batch.bytes = window.bytes;
    batch.origin = window.position - window.start;
    if (this.#prepared !== batch) this.#prepare(batch);
    if (this.#usual) this.#decodeUsual(window, batch);
    this.#decodeAny(window, batch);
  }

  /**
   * The loop for little-endian files whose records are as they should be; the first that isn't is left to `#decodeAny`.
   * With integers of a fixed byte order only, it takes half the time.
   */
  #decodeUsual(window: ByteWindow, batch: CaptureBatch): void {
    const { view, end } = window;
    const { offset, capturedLength, originalLength, seconds, nanoseconds } = batch;
    const nanosPerTick = this.#nanosPerTick;
    const ticks = 1e9 / nanosPerTick;
    const room = offset.length;
    let { start } = window;
    let { count } = batch;
    while (count < room && start + PCAP_RECORD <= end) {
      const second = view.getInt32(start, true);
      const fraction = view.getInt32(start + 4, true);
      const captured = view.getInt32(start + 8, true);
      const original = view.getInt32(start + 12, true);
      const packet = start + PCAP_RECORD;
      if (captured < 0 || captured > MAX_PACKET || captured > end - packet) break;
      if (fraction < 0 || fraction >= ticks || original < captured || original > MAX_ORIGINAL_LENGTH) break;
      offset[count] = packet;
      capturedLength[count] = captured;
      originalLength[count] = original;
      seconds[count] = second >>> 0;
      nanoseconds[count] = fraction * nanosPerTick;
      count++;
      start = packet + captured;
    }
    batch.count = count;
    window.skip(start - window.start);
  }

  #decodeAny(window: ByteWindow, batch: CaptureBatch): void {
    const { view } = window;
    const little = this.#little;
    const recordHeader = this.#recordHeader;
    let start = window.start;
    const end = window.end;
    let count = batch.count;
    const nanosPerTick = this.#nanosPerTick;
    const { offset, capturedLength, originalLength, seconds, nanoseconds } = batch;
    const room = offset.length;
    while (count < room && start + recordHeader <= end) {
      const captured = view.getUint32(start + 8, little);
      if (captured > MAX_PACKET) {
        batch.count = count;
        window.skip(start - window.start);
        throw new CaptureError(
          'CAPTURE_DAMAGED',
          `the record at byte ${window.position} claims ${captured} bytes (the maximum is ${MAX_PACKET})`,
        );
      }
      const packet = start + recordHeader;
      if (packet + captured > end) break;
      let second = view.getUint32(start, little);
      let nanos = view.getUint32(start + 4, little) * nanosPerTick;
      if (nanos >= 1e9) {
        // Some writers let the fraction exceed a second.
        second += Math.floor(nanos / 1e9);
        nanos %= 1e9;
        this.#notes.add('the fraction of a timestamp is a second or more: carried over');
      }
      const original = view.getUint32(start + 12, little);
      if (original < captured) this.#notes.add('an original length is below the captured length: replaced by it');
      offset[count] = packet;
      capturedLength[count] = captured;
      originalLength[count] = Math.min(Math.max(original, captured), MAX_ORIGINAL_LENGTH);
      seconds[count] = second;
      nanoseconds[count] = nanos;
      count++;
      start = packet + captured;
    }
    batch.count = count;
    window.skip(start - window.start);
  }

  /** Fills the columns that are the same for every packet of the file, once. */
  #prepare(batch: CaptureBatch): void {
    batch.noTimestamp.fill(0);
    batch.interfaceId.fill(0);
    batch.linkType.fill(this.#linkType);
    this.#prepared = batch;
  }

  atBoundary(window: ByteWindow): boolean {
    return window.available === 0;
  }
}
