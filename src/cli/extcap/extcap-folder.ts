/** The folder for a user's own extcaps. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { wiresharkFolders } from '../wireshark/wireshark-folders.js';

const FOLDER = 'extcap';

/** Where Wireshark 4.2 and later look, if nothing else is configured. */
const USUAL = ['.local', 'lib', 'wireshark', FOLDER] as const;

/** A folder, and who says so. */
export interface ExtcapFolder {
  readonly path: string;
  /** The program that named it; undefined if it is only the usual one. */
  readonly according: string | undefined;
}

/** Asks tshark or Wireshark for the personal extcap folder. */
export function extcapFolder(): ExtcapFolder {
  const asked = wiresharkFolders();
  const path = asked === undefined ? undefined : extcapFolderIn(asked.folders);
  if (asked !== undefined && path !== undefined) return { path, according: asked.program };
  return { path: join(homedir(), ...USUAL), according: undefined };
}

/**
 * The folder among those that Wireshark names. Before version 4.2 it isn't named: it is in the configuration's.
 * @returns undefined if neither is there
 */
export function extcapFolderIn(folders: ReadonlyMap<string, string>): string | undefined {
  const own = folders.get('personal extcap path');
  if (own !== undefined) return own;
  const configuration = folders.get('personal configuration');
  return configuration === undefined ? undefined : join(configuration, FOLDER);
}
