/** A capture in files that follow one another, by size or by time: each appears whole or not at all. */
import { lstatSync, rmSync, type Stats } from 'node:fs';
import { basename, dirname, extname } from 'node:path';
import { isSameFile } from './foreign-file.js';
import { OutputFile } from './output-file.js';
import type { PacketSink } from './packet-sink.js';
import { clearPartFiles } from './part-file.js';
import { PcapWriter } from './pcap-writer.js';
import { PcapngWriter } from './pcapng-writer.js';

/** When a new file is begun, and how each is written. */
export interface RotatingFilesOptions {
  /** A file is the last of its bytes as soon as it has as many. */
  readonly size?: number;
  /** A file takes packets for so many seconds. */
  readonly seconds?: number;
  /** Files that are kept at the most: the oldest of this capture goes for a new one. All if not said. */
  readonly files?: number;
  readonly format: 'pcap' | 'pcapng';
  /** LINKTYPE_ number of every packet. */
  readonly linkType: number;
  /** What the interface is called in pcapng. */
  readonly name: string;
  /**
   * Whether only their owner may read the files (mode 0600).
   * @default false
   */
  readonly ownerOnly?: boolean;
}

/** A finished file, and what tells it from one that somebody put in its place. */
interface KeptFile {
  readonly name: string;
  readonly file: Stats | undefined;
}

/** What rotation made so far. */
export interface RotatedFiles {
  /** Files that were finished. */
  readonly finished: number;
  /** Of them, those that were deleted for newer ones. */
  readonly deleted: number;
  /** The newest that was finished; undefined if none was. */
  readonly last: string | undefined;
}

/** The time in a file's name: UTC, to the second. */
function stamp(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '');
}

/** A sink that goes on in a new file. `wire.pcap` gives `wire_00001_20261121170000.pcap` and so on. */
export class RotatingFiles implements PacketSink {
  /** Unfinished files of such names, as those of an `OutputFile`. */
  readonly leftovers: readonly string[];
  readonly #stem: string;
  readonly #ending: string;
  readonly #options: RotatingFilesOptions;
  #file: OutputFile | undefined;
  #writer: PcapWriter | PcapngWriter | undefined;
  #name = '';
  #begun = 0;
  #number = 0;
  #finished = 0;
  #deleted = 0;
  #last: string | undefined;
  /** Finished files, oldest first, where some are deleted later. */
  readonly #kept: KeptFile[] = [];

  /**
   * Begins the first file.
   * @param path what the names are made of
   * @param seconds the time, since 1970
   * @throws CaptureError `FILE_UNUSABLE`
   */
  constructor(path: string, seconds: number, options: RotatingFilesOptions) {
    this.#ending = extname(path);
    this.#stem = path.slice(0, path.length - this.#ending.length);
    this.#options = options;
    const stem = `${basename(this.#stem)}_`;
    this.leftovers = clearPartFiles(dirname(path), (name) => {
      const ending = this.#ending;
      if (!name.startsWith(stem) || !name.endsWith(ending)) return false;
      return /^\d{5,}_\d{14}$/.test(name.slice(stem.length, name.length - ending.length));
    });
    this.#begin(seconds);
  }

  /** What was made so far. */
  get files(): RotatedFiles {
    return { finished: this.#finished, deleted: this.#deleted, last: this.#last };
  }

  /** @throws CaptureError `FILE_UNUSABLE`, `TIME_OUT_OF_RANGE` */
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    originalLength: number,
    seconds: number,
    nanoseconds: number,
  ): void {
    this.expire(seconds);
    const writer = this.#writer ?? this.#begin(seconds);
    writer.write(bytes, offset, length, originalLength, seconds, nanoseconds);
    if (writer.size >= (this.#options.size ?? Infinity)) this.commit();
  }

  flush(): void {
    this.#writer?.flush();
  }

  /**
   * Finishes the file whose time is over; the next begins with the next packet.
   * @param seconds the time, since 1970
   * @throws CaptureError `FILE_UNUSABLE`
   */
  expire(seconds: number): void {
    if (this.#file !== undefined && seconds - this.#begun >= (this.#options.seconds ?? Infinity)) this.commit();
  }

  /**
   * Finishes the file that is being written, if one is.
   * @throws CaptureError `FILE_UNUSABLE`
   */
  commit(): void {
    if (this.#file === undefined) return;
    this.#writer?.flush();
    this.#file.commit();
    this.#file = undefined;
    this.#writer = undefined;
    this.#finished++;
    this.#last = this.#name;
    const { files } = this.#options;
    if (files === undefined) return;
    this.#kept.push({ name: this.#name, file: lstatSync(this.#name, { throwIfNoEntry: false }) });
    if (this.#kept.length <= files) return;
    const oldest = this.#kept.shift();
    if (oldest === undefined) return;
    // A file that somebody put in its place is not ours to delete.
    if (isSameFile(lstatSync(oldest.name, { throwIfNoEntry: false }), oldest.file))
      rmSync(oldest.name, { force: true });
    this.#deleted++;
  }

  /** Takes back the file that is being written; those before it stay. */
  abandon(): void {
    this.#file?.abandon();
    this.#file = undefined;
    this.#writer = undefined;
  }

  #begin(seconds: number): PcapWriter | PcapngWriter {
    const { format, linkType, name, ownerOnly = false } = this.#options;
    this.#begun = seconds;
    this.#name = `${this.#stem}_${String(++this.#number).padStart(5, '0')}_${stamp(seconds)}${this.#ending}`;
    this.#file = new OutputFile(this.#name, undefined, { ownerOnly });
    if (format === 'pcap') return (this.#writer = new PcapWriter(this.#file.write, { nanoseconds: true, linkType }));
    const writer = new PcapngWriter(this.#file.write);
    writer.addInterface(name, linkType);
    return (this.#writer = writer);
  }
}
