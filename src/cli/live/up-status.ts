/** The status socket of `up`: which one, and what happens if it can't be had. */
import { defaultSocket, LiveError, StatusServer, type StatusSections } from '../../live/index.js';
import { type Declared, option } from '../options/declared.js';
import { file } from '../options/value-kinds.js';
import { say } from '../text-output.js';

const OFF = 'off';

/**
 * `--status PATH|off`.
 * @param otherwise when else there is none
 */
export function statusOption(otherwise = ''): Declared<string | undefined> {
  return option('--status PATH', 'socket for vtep status, for this user only; off for none', file).otherwise(
    `/run/vtep/NAME.sock, or one in the user's own directory${otherwise}`,
  );
}

/** Whose socket it is, and whether it was asked for. */
export interface StatusRequest {
  /** The option's value. */
  readonly given: string | undefined;
  readonly node: string;
  readonly isDryRun: boolean;
}

/**
 * Opens the socket. Packets matter more than a status: without the option, a problem is reported, and the node runs.
 * @returns undefined without a socket
 * @throws LiveError if the socket named by the option can't be had, or another process has it
 */
export async function openStatus(
  { given, node, isDryRun }: StatusRequest,
  sections: StatusSections,
): Promise<StatusServer | undefined> {
  if (given === OFF || (given === undefined && isDryRun)) return undefined;
  if (given !== undefined) return StatusServer.listen(given, sections);
  const path = defaultSocket(node);
  if (path === undefined) {
    say('vtep: no status socket: no directory for it is writable; name a path with --status');
    return undefined;
  }
  try {
    return await StatusServer.listen(path, sections);
  } catch (error) {
    if (!(error instanceof LiveError)) throw error;
    say(`vtep: no status socket: ${error.message} with --status`);
    return undefined;
  }
}
