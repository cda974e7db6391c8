/** Decodes pcapng files: sections of either byte order, multiple interfaces, all three kinds of packet block. */
import { type CaptureBatch, MAX_ORIGINAL_LENGTH } from './batch.js';
import type { ByteWindow } from './byte-window.js';
import { CaptureError } from './error.js';
import {
  BLOCK_FRAME,
  BlockType,
  BYTE_ORDER_MAGIC,
  DEFAULT_RESOLUTION,
  ENHANCED_HEADER,
  MAX_NAME,
  OptionCode,
  padded,
  SECTION_HEADER,
} from './pcapng-format.js';
import {
  type CaptureInterface,
  type CaptureNote,
  MAX_PACKET,
  MAX_RECORD,
  NoteList,
  type RecordDecoder,
} from './record-decoder.js';
import { MAX_SECONDS, TickClock } from './timestamp.js';

/** Maximum number of interfaces of one capture, over all of its sections. A file that describes more is damaged. */
export const MAX_INTERFACES = 65_536;

interface Interface extends CaptureInterface {
  readonly clock: TickClock;
}

/** Whether a window begins with a section header. It must hold 4 bytes. */
export function isPcapng(window: ByteWindow): boolean {
  return window.view.getUint32(window.start, false) === BlockType.SectionHeader;
}

/** Extracts the packets of a pcapng file. */
export class PcapngDecoder implements RecordDecoder {
  readonly format = 'pcapng';
  readonly interfaces: Interface[] = [];
  readonly #notes = new NoteList();
  #little = false;
  #sectionBase = 0;
  #toSkip = 0;

  get notes(): readonly CaptureNote[] {
    return this.#notes.notes;
  }

  decode(window: ByteWindow, batch: CaptureBatch): void {
    batch.bytes = window.bytes;
    batch.origin = window.position - window.start;
    while (!batch.full) {
      if (this.#toSkip > 0) {
        const count = Math.min(this.#toSkip, window.available);
        window.skip(count);
        this.#toSkip -= count;
        if (this.#toSkip > 0) return;
      }
      if (window.available < BLOCK_FRAME) return;
      if (!this.#block(window, batch)) return;
    }
  }

  atBoundary(window: ByteWindow): boolean {
    return window.available === 0 && this.#toSkip === 0;
  }

  /** Decodes one block; returns false if it is incomplete. */
  #block(window: ByteWindow, batch: CaptureBatch): boolean {
    const { view, start } = window;
    if (view.getUint32(start, false) === BlockType.SectionHeader) {
      // The section header determines the byte order, which is needed to read the length.
      if (view.getUint32(start + 8, true) === BYTE_ORDER_MAGIC) this.#little = true;
      else if (view.getUint32(start + 8, false) === BYTE_ORDER_MAGIC) this.#little = false;
      else throw this.#damage(window, 'a section header without its byte-order magic');
    }
    const little = this.#little;
    const type = view.getUint32(start, little);
    const length = view.getUint32(start + 4, little);
    if (length < BLOCK_FRAME || length % 4 !== 0) throw this.#damage(window, `a block of length ${length}`);
    if (length > MAX_RECORD) {
      if (this.#isNeeded(type)) throw this.#damage(window, `a block of length ${length}`);
      this.#notes.add('a block of more than 320 KiB without a packet: skipped');
      this.#toSkip = length;
      return true;
    }
    if (length > window.available) return false;
    const end = start + length - 4;
    const repeated = view.getUint32(end, little);
    if (repeated !== length) {
      throw this.#damage(window, `a block with length ${length} at its start and ${repeated} at its end`);
    }
    switch (type) {
      case BlockType.SectionHeader:
        this.#section(window, length);
        break;
      case BlockType.InterfaceDescription:
        this.#interface(window, start + 8, end);
        break;
      case BlockType.EnhancedPacket:
        this.#enhanced(window, batch, start + 8, end, view.getUint32(start + 8, little));
        break;
      case BlockType.Packet:
        this.#enhanced(window, batch, start + 8, end, view.getUint16(start + 8, little));
        break;
      case BlockType.SimplePacket:
        this.#simple(window, batch, start + 8, end);
        break;
      case BlockType.NameResolution:
      case BlockType.InterfaceStatistics:
      case BlockType.SystemdJournal:
      case BlockType.DecryptionSecrets:
        break;
      default:
        this.#notes.add(`unknown block type 0x${type.toString(16).padStart(8, '0')}: skipped`);
    }
    window.skip(length);
    return true;
  }

  #isNeeded(type: number): boolean {
    return (
      type === BlockType.SectionHeader ||
      type === BlockType.InterfaceDescription ||
      type === BlockType.EnhancedPacket ||
      type === BlockType.Packet ||
      type === BlockType.SimplePacket
    );
  }

  #section(window: ByteWindow, length: number): void {
    if (length < SECTION_HEADER) throw this.#damage(window, `a section header of length ${length}`);
    const major = window.view.getUint16(window.start + 12, this.#little);
    const minor = window.view.getUint16(window.start + 14, this.#little);
    if (major !== 1) {
      throw new CaptureError('UNSUPPORTED_CAPTURE', `pcapng version ${major}.${minor} is not supported, only 1.x`);
    }
    // Interface ids restart in each section; here they continue, so that an id is unique within the file.
    this.#sectionBase = this.interfaces.length;
  }

  #interface(window: ByteWindow, at: number, end: number): void {
    const { view, bytes } = window;
    const little = this.#little;
    if (at + 8 > end) throw this.#damage(window, 'an interface description that is too short');
    if (this.interfaces.length === MAX_INTERFACES) {
      throw this.#damage(window, `more than the maximum of ${MAX_INTERFACES} interface descriptions: the last one`);
    }
    let name: string | undefined;
    let resolution = DEFAULT_RESOLUTION;
    let offset = 0;
    let option = at + 8;
    while (option + 4 <= end) {
      const code = view.getUint16(option, little);
      const length = view.getUint16(option + 2, little);
      const value = option + 4;
      if (code === OptionCode.End) break;
      if (value + length > end) {
        this.#notes.add('an option of an interface exceeds its block: the remaining options are skipped');
        break;
      }
      if (code === OptionCode.InterfaceName) {
        // Stream mode drops a character that the limit would split.
        name = new TextDecoder().decode(bytes.subarray(value, value + Math.min(length, MAX_NAME)), { stream: true });
      } else if (code === OptionCode.TimeResolution && length >= 1) {
        resolution = bytes[value];
      } else if (code === OptionCode.TimeOffset && length >= 8) {
        offset = Number(view.getBigInt64(value, little));
      }
      option = value + padded(length);
    }
    const clock = new TickClock(resolution, offset);
    if (clock.inexact) this.#notes.add('the ticks of an interface are not whole nanoseconds: times are truncated');
    this.interfaces.push({
      linkType: view.getUint16(at, little),
      name,
      snapLength: view.getUint32(at + 4, little),
      ticksPerSecond: clock.ticksPerSecond,
      clock,
    });
  }

  /** Enhanced and obsolete packet blocks differ only in the width of the interface id. */
  #enhanced(window: ByteWindow, batch: CaptureBatch, at: number, end: number, interfaceNumber: number): void {
    const { view } = window;
    const little = this.#little;
    const packet = at + ENHANCED_HEADER - 8;
    if (packet > end) throw this.#damage(window, 'a packet block that is too short');
    const captured = view.getUint32(at + 12, little);
    if (captured > end - packet || captured > MAX_PACKET) {
      this.#notes.add('a packet is longer than its block: skipped');
      return;
    }
    const id = this.#sectionBase + interfaceNumber;
    if (id >= this.interfaces.length) {
      this.#notes.add('a packet refers to an interface that its section has not described: skipped');
      return;
    }
    const { clock } = this.interfaces[id];
    clock.split(view.getUint32(at + 4, little), view.getUint32(at + 8, little));
    const original = view.getUint32(at + 16, little);
    if (clock.seconds < 0 || clock.seconds > MAX_SECONDS) {
      this.#notes.add('a time is before 1970 or after 2554: ignored, reported as 1970-01-01');
      this.#append(batch, id, packet, captured, original, 0, 0, 1);
      return;
    }
    this.#append(batch, id, packet, captured, original, clock.seconds, clock.nanoseconds, 0);
  }

  #simple(window: ByteWindow, batch: CaptureBatch, at: number, end: number): void {
    if (at + 4 > end) throw this.#damage(window, 'a simple packet block that is too short');
    const original = window.view.getUint32(at, this.#little);
    const id = this.#sectionBase;
    if (id >= this.interfaces.length) {
      this.#notes.add('a packet refers to an interface that its section has not described: skipped');
      return;
    }
    // The block has no captured length: it is the original length, limited by the interface's snaplen.
    const snap = this.interfaces[id].snapLength;
    const captured = snap === 0 ? original : Math.min(original, snap);
    if (captured > end - (at + 4) || captured > MAX_PACKET) {
      this.#notes.add('a packet is longer than its block: skipped');
      return;
    }
    this.#notes.add('a packet has no time (simple packet block): reported as 1970-01-01');
    this.#append(batch, id, at + 4, captured, original, 0, 0, 1);
  }

  #append(
    batch: CaptureBatch,
    id: number,
    offset: number,
    captured: number,
    original: number,
    seconds: number,
    nanoseconds: number,
    timeless: number,
  ): void {
    if (original < captured) this.#notes.add('an original length is below the captured length: replaced by it');
    const { count } = batch;
    batch.offset[count] = offset;
    batch.capturedLength[count] = captured;
    batch.originalLength[count] = Math.min(Math.max(original, captured), MAX_ORIGINAL_LENGTH);
    batch.seconds[count] = seconds;
    batch.nanoseconds[count] = nanoseconds;
    batch.noTimestamp[count] = timeless;
    batch.interfaceId[count] = id;
    batch.linkType[count] = this.interfaces[id].linkType;
    batch.count = count + 1;
  }

  #damage(window: ByteWindow, what: string): CaptureError {
    return new CaptureError('CAPTURE_DAMAGED', `${what} at byte ${window.position}`);
  }
}
