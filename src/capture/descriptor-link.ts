/** Names that stand for a descriptor that a process has open: `/dev/stdout`, `/dev/fd/3`, `/proc/self/fd/1`. */
import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';

/** Links that are followed, as the kernel does (path_resolution(7)). */
const MAX_LINKS = 40;
const SELF = '/proc/self';
/** Where the kernel lists descriptors: of a process or a thread, or of this process where there is no /proc. */
const DESCRIPTORS = /^(?:\/proc\/(\d+)(?:\/task\/\d+)?|\/dev)\/fd$/;
const DEVICES = /^\/dev(?:\/|$)/;

/** What a name stands for besides a file of its own. */
export interface DescriptorLink {
  /** The descriptor; undefined if it is another process's. */
  readonly descriptor: number | undefined;
}

/**
 * The descriptor that a name stands for, by itself or by way of links; undefined if it stands for none. Throws the system's
 * errors.
 */
export function descriptorLink(path: string): DescriptorLink | undefined {
  let name = path;
  for (let i = 0; i <= MAX_LINKS; i++) {
    const folder = folderOf(name);
    if (folder === undefined) return undefined;
    const match = DESCRIPTORS.exec(folder);
    if (match !== null && /^\d+$/.test(basename(name))) {
      const pid = match.at(1);
      const isOwn = pid === undefined || `/proc/${pid}` === realpathSync(SELF);
      return { descriptor: isOwn ? Number(basename(name)) : undefined };
    }
    if (lstatSync(name, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined;
    name = resolve(folder, readlinkSync(name));
  }
  return undefined;
}

/** Whether a name is a link in the folder of devices, which belongs to the system. */
export function isDeviceLink(path: string): boolean {
  return DEVICES.test(folderOf(path) ?? '') && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

/** The folder that a name is in, without links; undefined if there is none. */
function folderOf(path: string): string | undefined {
  try {
    return realpathSync(dirname(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
