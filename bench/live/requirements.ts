/** What the live benchmark needs of the machine. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { VtepError } from '../../src/error.js';

/** This machine can't run the live benchmark. */
export class LiveBenchError extends VtepError<'NOT_LINUX' | 'NOT_ROOT' | 'PROGRAM_MISSING' | 'NO_TUN' | 'NO_BUILD'> {}

const TUN = '/dev/net/tun';

/** Needed programs, and their Debian packages. */
const PROGRAMS = [
  ['ip', 'iproute2'],
  ['bridge', 'iproute2'],
  ['ethtool', 'ethtool'],
  ['setpriv', 'util-linux'],
  ['ping', 'iputils-ping'],
  ['iperf3', 'iperf3'],
] as const;

/** Whether a program is on the search path. */
export function installed(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}

/** Why a program can't be used, with the Debian package that has it; undefined if it can. */
export function missingProgram(program: string, packageName: string): string | undefined {
  return installed(program) ? undefined : `${program} is not installed (Debian: ${packageName})`;
}

/**
 * Checks what is needed for any line.
 * @param user the effective user's id; undefined where there are none
 * @throws LiveBenchError that says what is missing
 */
export function checkRequirements(user = process.geteuid?.()): void {
  if (process.platform !== 'linux') throw new LiveBenchError('NOT_LINUX', '--live needs Linux: network namespaces');
  if (user !== 0) {
    throw new LiveBenchError('NOT_ROOT', '--live needs root: it makes network namespaces and devices in them');
  }
  const missing = PROGRAMS.flatMap(([program, from]) => missingProgram(program, from) ?? []);
  if (missing.length > 0) throw new LiveBenchError('PROGRAM_MISSING', `--live needs more: ${missing.join('; ')}`);
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw new LiveBenchError('NO_TUN', `--live needs ${TUN}, which can't be opened`, { cause: error });
  }
}
