/**
 * The launcher in the extcap folder: a script, since Wireshark starts programs without arguments of its own. At each of
 * its starts, Wireshark asks twice for each interface what is the same for all of them. The script itself answers that:
 * on a host with a hundred devices, starting Node for it would take many seconds.
 */
import { chmodSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeText } from '../output.js';
import { shellQuoted } from '../shell-quoting.js';
import { UsageError } from '../usage-error.js';
import { configSentences, linkTypeSentence } from './extcap-answers.js';

/** Name of the launcher. */
const NAME = 'vtep';
/** Distinguishes it from other files of that name. */
const MARK = '# Installed by vtep extcap --install; vtep extcap --uninstall removes it.';
const EXECUTABLE = 0o755;
/** More of another file isn't read into a message. */
const LONGEST = 65_536;

/** What became of a launcher. */
export interface LauncherChange {
  readonly path: string;
  readonly did: 'installed' | 'replaced' | 'removed' | 'nothing';
}

/** The path of the launcher in a folder. */
export function launcherPath(folder: string): string {
  return join(folder, NAME);
}

/**
 * The launcher's text. For what it doesn't answer, it becomes the process that Wireshark started, which gets Wireshark's
 * signals.
 * @param program path of Node
 * @param main path of vtep's main module
 */
export function launcherText(program: string, main: string): string {
  return `#!/bin/sh
${MARK}
case " $* " in
*' --extcap-config '*)
  ${heredoc(configSentences().join('\n'))}
  exit
  ;;
*' --extcap-dlts '*)
  ${heredoc(linkTypeSentence())}
  exit
  ;;
esac
exec ${shellQuoted(program)} ${shellQuoted(main)} extcap "$@"
`;
}

/**
 * Puts the launcher into a folder, which is created if it is absent. An earlier launcher is replaced.
 * @throws UsageError if another file has its name, or it can't be written
 */
export function installLauncher(folder: string, program: string, main: string): LauncherChange {
  if (process.platform === 'win32')
    throw new UsageError('extcap --install supports only Unix: the launcher is a shell script');
  const path = launcherPath(folder);
  const before = launcherAt(path);
  try {
    mkdirSync(folder, { recursive: true });
    writeText(path, launcherText(program, main));
    chmodSync(path, EXECUTABLE);
  } catch (error) {
    throw new UsageError(`${path}: can't be installed: ${(error as Error).message}`);
  }
  return { path, did: before ? 'replaced' : 'installed' };
}

/**
 * Removes the launcher from a folder.
 * @throws UsageError if a file of its name isn't vtep's, or can't be removed
 */
export function uninstallLauncher(folder: string): LauncherChange {
  const path = launcherPath(folder);
  if (!launcherAt(path)) return { path, did: 'nothing' };
  try {
    rmSync(path);
  } catch (error) {
    throw new UsageError(`${path}: can't be removed: ${(error as Error).message}`);
  }
  return { path, did: 'removed' };
}

/**
 * Whether a launcher is there.
 * @throws UsageError if something else is
 */
function launcherAt(path: string): boolean {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').slice(0, LONGEST);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new UsageError(`${path}: ${(error as Error).message}`);
  }
  if (text.split('\n').includes(MARK)) return true;
  throw new UsageError(`${path}: is not vtep's launcher; it is left alone, and has to be moved away first`);
}

/** A command that prints a text as it is. */
function heredoc(text: string): string {
  return `cat <<'END'\n${text}\nEND`;
}
