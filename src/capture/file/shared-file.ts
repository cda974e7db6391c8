/** A capture file that several threads read at the same time, each at its own pace. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { ByteReader } from '../byte-reader.js';
import { CaptureError } from '../error.js';
import { openCapture, type PacketSource } from '../source.js';
import { STANDARD_STREAM, systemReason } from './standard-stream.js';

const GZIP_MAGIC = [0x1f, 0x8b] as const;

/** What another thread needs to read the file. Descriptors belong to the process, so every thread can use one. */
export interface SharedFile {
  readonly descriptor: number;
  readonly name: string;
  /** Its size when it was opened: all threads end there, even if the file is still growing. */
  readonly size: number;
}

/** Reads at positions of its own, since all threads share the descriptor's. */
class PositionReader implements ByteReader {
  readonly name: string;
  readonly size: number;
  readonly #descriptor: number;
  #position = 0;

  constructor({ descriptor, name, size }: SharedFile) {
    this.#descriptor = descriptor;
    this.name = name;
    this.size = size;
  }

  read(into: Uint8Array): number {
    const length = Math.min(into.length, this.size - this.#position);
    if (length === 0) return 0;
    try {
      const count = readSync(this.#descriptor, into, 0, length, this.#position);
      this.#position += count;
      return count;
    } catch (error) {
      throw new CaptureError('FILE_UNUSABLE', systemReason(this.name, error), { cause: error });
    }
  }

  close(): void {
    // The descriptor belongs to the thread that opened it.
  }
}

/**
 * Opens a file for several threads; close it once they have ended.
 * @returns undefined for what only one thread can read: standard input, pipes and devices, compressed files
 * @throws CaptureError `FILE_UNUSABLE`
 */
export function openShared(path: string): SharedFile | undefined {
  if (path === STANDARD_STREAM) return undefined;
  try {
    // A pipe isn't opened: that would wait for its writer, and take the data from whoever reads it next.
    if (!statSync(path).isFile()) return undefined;
    const descriptor = openSync(path, 'r');
    const { size } = fstatSync(descriptor);
    if (!isCompressed(descriptor)) return { descriptor, name: path, size };
    closeSync(descriptor);
    return undefined;
  } catch (error) {
    throw new CaptureError('FILE_UNUSABLE', systemReason(path, error), { cause: error });
  }
}

function isCompressed(descriptor: number): boolean {
  const magic = new Uint8Array(GZIP_MAGIC.length);
  const count = readSync(descriptor, magic, 0, magic.length, 0);
  return count === magic.length && GZIP_MAGIC.every((byte, i) => magic[i] === byte);
}

/** Closes a shared file. No thread may read it any more. */
export function closeShared({ descriptor }: SharedFile): void {
  closeSync(descriptor);
}

/**
 * Opens a shared file's packets, from its beginning, in this thread. The source's `close` leaves the file open.
 * @throws CaptureError as `openCaptureFile` does
 */
export async function readShared(file: SharedFile): Promise<PacketSource> {
  try {
    return await openCapture(new PositionReader(file));
  } catch (error) {
    if (!(error instanceof CaptureError) || error.code === 'FILE_UNUSABLE') throw error;
    throw new CaptureError(error.code, `${file.name}: ${error.message}`, { cause: error });
  }
}
