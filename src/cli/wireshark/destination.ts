/** Where the files of `vtep wireshark` go, and how Wireshark finds them there. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { printable } from '../../text/plain-text.js';
import { shellQuoted } from '../shell-quoting.js';
import { UsageError } from '../usage-error.js';
import { isOwnPreferences, PREFERENCES_FILE } from './wireshark-files.js';
import { wiresharkFolders } from './wireshark-folders.js';

const OWNER_ONLY = 0o700;
const PERSONAL = 'personal configuration';
const PROFILES = 'profiles';

/** A folder for the files. */
export interface Destination {
  readonly folder: string;
  /** A command that opens a capture with them. */
  readonly command: (program: string, capture: string) => string;
}

/**
 * The folder that the options name. Nothing is created yet.
 * @param output a configuration folder
 * @param profile a profile in the user's configuration
 * @throws UsageError
 */
export function destinationOf(output: string | undefined, profile: string | undefined): Destination {
  const destination = profile === undefined ? configuration(output) : personalProfile(profile);
  checkFolder(destination.folder);
  return destination;
}

/**
 * Creates the folder.
 * @throws UsageError
 */
export function createFolder({ folder }: Destination): void {
  try {
    mkdirSync(folder, { recursive: true, mode: OWNER_ONLY });
  } catch (error) {
    throw new UsageError(`${folder}: can't be created: ${(error as Error).message}`);
  }
}

function configuration(output: string | undefined): Destination {
  if (output === undefined) throw new UsageError('wireshark needs -o FOLDER or --profile NAME');
  if (output === STANDARD_STREAM) throw new UsageError('-o takes a folder: keys are not written to standard output');
  const folder = resolve(output);
  const command = (program: string, capture: string): string =>
    `WIRESHARK_CONFIG_DIR=${shellQuoted(folder)} ${program} -r ${shellQuoted(capture)}`;
  return { folder, command };
}

function personalProfile(profile: string): Destination {
  if (profile.startsWith('.') || /[/\\]/.test(profile) || printable(profile) !== profile || profile === '') {
    throw new UsageError('--profile takes a name that can be a folder');
  }
  const own = wiresharkFolders()?.folders.get(PERSONAL);
  if (own === undefined) {
    throw new UsageError('--profile needs tshark or wireshark, to say where profiles are; use -o FOLDER');
  }
  const command = (program: string, capture: string): string =>
    `${program} -C ${shellQuoted(profile)} -r ${shellQuoted(capture)}`;
  return { folder: join(own, PROFILES, profile), command };
}

/**
 * Refuses a folder with files of others: a configuration would be lost.
 * @throws UsageError
 */
function checkFolder(folder: string): void {
  try {
    const names = existsSync(folder) ? readdirSync(folder) : [];
    if (names.length === 0) return;
    const preferences = join(folder, PREFERENCES_FILE);
    if (names.includes(PREFERENCES_FILE) && isOwnPreferences(readFileSync(preferences, 'utf8'))) return;
  } catch (error) {
    throw new UsageError(`${folder}: ${(error as Error).message}`);
  }
  throw new UsageError(`${folder}: has files that vtep didn't write; name a new folder or profile`);
}
