/** Where Wireshark keeps its files, as it says itself. */
import { spawnSync } from 'node:child_process';

/** Programs that say where their folders are. */
const PROGRAMS = ['tshark', 'wireshark'] as const;
const PATIENCE_MS = 20_000;

/** Folders by what they are for, in lower case: `personal configuration`. */
export interface WiresharkFolders {
  readonly folders: ReadonlyMap<string, string>;
  /** The program that named them. */
  readonly program: string;
}

/**
 * Asks tshark or Wireshark for its folders.
 * @returns undefined if neither is installed
 */
export function wiresharkFolders(): WiresharkFolders | undefined {
  for (const program of PROGRAMS) {
    const { status, stdout } = spawnSync(program, ['-G', 'folders'], { encoding: 'utf8', timeout: PATIENCE_MS });
    if (status === 0) return { folders: foldersIn(stdout), program };
  }
  return undefined;
}

/** The folders in the output of `tshark -G folders`: a name, a colon, tabs and a path in each line. */
export function foldersIn(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf(':');
    const path = line.slice(at + 1).trim();
    if (at > 0 && path !== '') found.set(line.slice(0, at).toLowerCase(), path);
  }
  return found;
}
