/** What files of any direction have in common: the name of the standard streams, and the words for failures. */

/** The name that stands for standard input and standard output. */
export const STANDARD_STREAM = '-';

/** A system error in words that say what to do. */
export function systemReason(name: string, error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case 'ENOENT':
      return `${name}: no such file or folder`;
    case 'EACCES':
    case 'EPERM':
      return `${name}: permission denied`;
    case 'EISDIR':
      return `${name}: it is a folder; name a file in it`;
    case 'ENOSPC':
      return `${name}: no space left on the device`;
    default:
      return `${name}: ${(error as Error).message}`;
  }
}
