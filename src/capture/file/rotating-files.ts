/** A capture split into consecutive files by size or time; each appears complete or not at all. */
import { lstatSync, rmSync, type Stats } from 'node:fs';
import { basename, dirname, extname } from 'node:path';
import { isSameFile } from './foreign-file.js';
import { OutputFile } from './output-file.js';
import type { PacketSink } from '../packet-sink.js';
import { clearPartFiles } from './part-file.js';
import { PcapWriter } from '../pcap-writer.js';
import { PcapngWriter } from '../pcapng-writer.js';

/** When to start a new file, and how files are written. */
export interface RotatingFilesOptions {
  /**
   * Start a new file once this one has at least this many bytes.
   * @default unlimited
   */
  readonly size?: number;
  /**
   * Start a new file after this many seconds.
   * @default unlimited
   */
  readonly seconds?: number;
  /**
   * Maximum number of files to keep: each new file deletes the oldest of this capture.
   * @default all
   */
  readonly files?: number;
  readonly format: 'pcap' | 'pcapng';
  /** LINKTYPE_ value of every packet. */
  readonly linkType: number;
  /** Interface name in pcapng. */
  readonly name: string;
  /**
   * Whether only the owner can read the files (mode 0600).
   * @default false
   */
  readonly ownerOnly?: boolean;
}

/** A finished file, with its identity to detect a replacement. */
interface KeptFile {
  readonly name: string;
  readonly file: Stats | undefined;
}

/** Statistics of the rotation. */
export interface RotatedFiles {
  /** Number of files finished. */
  readonly finished: number;
  /** Number of those that were deleted for newer ones. */
  readonly deleted: number;
  /** Path of the newest finished file; undefined if there is none. */
  readonly last: string | undefined;
}

/** Time in a file name: UTC, to the second. */
function stamp(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '');
}

/** A packet sink that rotates files. `wire.pcap` becomes `wire_00001_20261121170000.pcap` and so on. */
export class RotatingFiles implements PacketSink {
  /** Unfinished files with such names; see `OutputFile.leftovers`. */
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
  /** Finished files, oldest first, if some are deleted later. */
  readonly #kept: KeptFile[] = [];

  /**
   * Starts the first file.
   * @param path base of the file names
   * @param seconds current time, in seconds since 1970
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

  /** Statistics so far. */
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
   * Finishes the current file if its time is up; the next begins with the next packet.
   * @param seconds current time, in seconds since 1970
   * @throws CaptureError `FILE_UNUSABLE`
   */
  expire(seconds: number): void {
    if (this.#file !== undefined && seconds - this.#begun >= (this.#options.seconds ?? Infinity)) this.commit();
  }

  /**
   * Finishes the current file, if any.
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
    // Never delete a file that has replaced ours.
    if (isSameFile(lstatSync(oldest.name, { throwIfNoEntry: false }), oldest.file))
      rmSync(oldest.name, { force: true });
    this.#deleted++;
  }

  /** Discards the current file; finished ones stay. */
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
