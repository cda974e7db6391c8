/** Resolves names of a process's open descriptors: `/dev/stdout`, `/dev/fd/3`, `/proc/self/fd/1`. */
import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';

/** Maximum number of links followed, as in the kernel (path_resolution(7)). */
const MAX_LINKS = 40;
const SELF = '/proc/self';
/**
 * Directories in which the kernel lists descriptors: of a process or thread, or of this process if there is no /proc.
 */
const DESCRIPTORS = /^(?:\/proc\/(\d+)(?:\/task\/\d+)?|\/dev)\/fd$/;
const DEVICES = /^\/dev(?:\/|$)/;

/** A descriptor that a name refers to. */
export interface DescriptorLink {
  /** The descriptor; undefined if it is another process's. */
  readonly descriptor: number | undefined;
}

/** The descriptor that a name refers to, directly or through links; undefined if none. Throws system errors. */
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

/** Whether a name is a link in /dev, which belongs to the system. */
export function isDeviceLink(path: string): boolean {
  return DEVICES.test(folderOf(path) ?? '') && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

/** The directory of a name, with links resolved; undefined if it doesn't exist. */
function folderOf(path: string): string | undefined {
  try {
    return realpathSync(dirname(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
