/**
 * A packet source for classic pcap streams on top of pcap-parser, over any Node readable stream. It reads what
 * pcap-parser supports, microsecond files of either byte order, and refuses the rest with a reason. Several times
 * slower than `openCapture` (bench/), but returns the same packets: the tests run on both.
 * @module vtep/native-free/pcap-parser
 */
import { EventEmitter } from 'node:events';
import { type GlobalHeader, type Packet, type PacketHeader, type Parser, parse } from 'pcap-parser';
import {
  BATCH_PACKETS,
  CaptureBatch,
  CaptureError,
  type CaptureInterface,
  type CaptureNote,
  MAX_PACKET,
  type PacketSource,
} from '../src/capture/portable.js';
import {
  MAX_ORIGINAL_LENGTH,
  NoteList,
  PCAP_HEADER,
  PCAP_LINK_TYPE_MASK,
  PCAP_RECORD,
} from '../src/capture/internal.js';

/** The input stream that pcap-parser expects; chunks are pushed to it manually. */
class Feed extends EventEmitter {
  pause(): void {}
  resume(): void {}
}

/**
 * Why pcap-parser refuses a file. Its message for a file that is not pcap quotes the first bytes, which may be part of
 * a key.
 */
function reasonOf({ message }: Error): string {
  return message.includes('magic number') ? 'unknown magic number' : message;
}

class PcapParserSource implements PacketSource {
  readonly name: string;
  readonly format = 'pcap';
  readonly size = undefined;
  damage: CaptureError | undefined;
  position = 0;
  interfaces: readonly CaptureInterface[] = [];
  readonly #notes = new NoteList();
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #feed = new Feed();
  readonly #parser: Parser;
  readonly #batch = new CaptureBatch();
  #header: GlobalHeader | undefined;
  #failure: CaptureError | undefined;
  #packets: Packet[] = [];
  #returned = 0;
  #chunk: Buffer = Buffer.alloc(0);
  #ended = false;
  /** Whether a record's header was read but its bytes haven't all arrived. */
  #awaiting = false;

  constructor(stream: AsyncIterable<Uint8Array>, name: string) {
    this.name = name;
    this.#chunks = stream[Symbol.asyncIterator]();
    this.#parser = parse(this.#feed);
    this.#parser.on('globalHeader', (header) => {
      this.#header = header;
      this.position = PCAP_HEADER;
    });
    this.#parser.on('packetHeader', (header) => this.#checkHeader(header));
    this.#parser.on('packet', (packet) => {
      this.#awaiting = false;
      this.#packets.push(packet);
      this.position += PCAP_RECORD + packet.data.length;
    });
    this.#parser.on('error', (error) => {
      this.#failure ??= new CaptureError('UNSUPPORTED_CAPTURE', `pcap-parser can't read it: ${reasonOf(error)}`);
    });
  }

  get notes(): readonly CaptureNote[] {
    return this.#notes.notes;
  }

  /** Reads up to the end of the file header. */
  async open(): Promise<void> {
    for (;;) {
      const more = await this.#read();
      if (this.#header !== undefined) break;
      if (this.#failure !== undefined) throw this.#unsupported(this.#failure);
      if (!more) throw this.#tooShort();
    }
    const { majorVersion, minorVersion, linkLayerType, snapshotLength } = this.#header;
    if (majorVersion !== 2 || minorVersion !== 4) {
      throw new CaptureError(
        'UNSUPPORTED_CAPTURE',
        `pcap version ${majorVersion}.${minorVersion} is not supported, only 2.4`,
      );
    }
    this.interfaces = [
      {
        linkType: linkLayerType & PCAP_LINK_TYPE_MASK,
        name: undefined,
        snapLength: snapshotLength >>> 0,
        ticksPerSecond: 1e6,
      },
    ];
  }

  async next(): Promise<CaptureBatch | undefined> {
    while (this.#returned === this.#packets.length) {
      if (this.#ended || this.#failure !== undefined) {
        this.damage ??= this.#failure;
        return undefined;
      }
      await this.#read();
    }
    return this.#fill();
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.#chunks.return?.();
  }

  /** Passes one more chunk to the parser, which emits its packets synchronously; returns false at the end. */
  async #read(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done === true) {
      this.#ended = true;
      const begun = this.#awaiting || (this.#parser.buffer?.length ?? 0) > 0;
      if (begun && this.#header !== undefined) this.damage = this.#cutOff();
      return false;
    }
    const { value } = next;
    const fresh = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    // Given leftover bytes and a chunk, the parser would join them with the deprecated Buffer constructor, which warns
    // users; so join them first.
    const { buffer } = this.#parser;
    this.#chunk = buffer === null || buffer.length === 0 ? fresh : Buffer.concat([buffer, fresh]);
    this.#parser.buffer = null;
    this.#packets = [];
    this.#returned = 0;
    try {
      this.#feed.emit('data', this.#chunk);
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      this.#failure = error;
    }
    return true;
  }

  #fill(): CaptureBatch {
    const batch = this.#batch;
    const count = Math.min(BATCH_PACKETS, this.#packets.length - this.#returned);
    batch.bytes = this.#chunk;
    batch.count = count;
    const linkType = this.interfaces[0].linkType;
    for (let i = 0; i < count; i++) {
      const { header, data } = this.#packets[this.#returned + i];
      batch.offset[i] = data.byteOffset - this.#chunk.byteOffset;
      batch.capturedLength[i] = data.length;
      batch.originalLength[i] = Math.min(Math.max(header.originalLength >>> 0, data.length), MAX_ORIGINAL_LENGTH);
      const micros = header.timestampMicroseconds >>> 0;
      batch.seconds[i] = (header.timestampSeconds >>> 0) + Math.floor(micros / 1e6);
      batch.nanoseconds[i] = (micros % 1e6) * 1000;
      batch.noTimestamp[i] = 0;
      batch.interfaceId[i] = 0;
      batch.linkType[i] = linkType;
    }
    this.#returned += count;
    return batch;
  }

  // Without this bound the parser would buffer up to 4 GiB before it noticed anything.
  #checkHeader(header: PacketHeader): void {
    const captured = header.capturedLength >>> 0;
    if (captured > MAX_PACKET) {
      throw new CaptureError(
        'CAPTURE_DAMAGED',
        `the record at byte ${this.position} claims ${captured} bytes (the maximum is ${MAX_PACKET})`,
      );
    }
    this.#awaiting = true;
  }

  #cutOff(): CaptureError {
    return new CaptureError('CAPTURE_CUT_OFF', `the stream ends in the middle of the record at byte ${this.position}`);
  }

  #tooShort(): CaptureError {
    const length = this.#parser.buffer?.length ?? 0;
    if (length === 0) return new CaptureError('NOT_A_CAPTURE', 'it is empty; a pcap file is needed');
    return new CaptureError('CAPTURE_CUT_OFF', 'the stream ends in the middle of the file header');
  }

  #unsupported(failure: CaptureError): CaptureError {
    const hint =
      'pcap-parser reads only classic pcap files with microseconds; openCapture also reads nanoseconds and pcapng';
    return new CaptureError('UNSUPPORTED_CAPTURE', `${failure.message}: ${hint}`, { cause: failure });
  }
}

/**
 * Opens a classic pcap stream with pcap-parser.
 * @param stream any Node readable stream, or any async iterable of byte chunks
 * @param name display name
 * @throws CaptureError `NOT_A_CAPTURE`, `UNSUPPORTED_CAPTURE` (nanoseconds, pcapng, the modified format, not a capture)
 * or `CAPTURE_CUT_OFF` (within the file header)
 */
export async function openPcapStream(stream: AsyncIterable<Uint8Array>, name = 'stream'): Promise<PacketSource> {
  const source = new PcapParserSource(stream, name);
  try {
    await source.open();
  } catch (error) {
    await source.close();
    throw error;
  }
  return source;
}
