/** The kernel's own vxlan driver, between two network namespaces that end with the process that creates them. */
import { release } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../captures.js';
import { Stage } from '../result.js';
import { type FoundPeers, nothingOf, type Peer } from './peer.js';
import { build, call, output, ProgramError } from './program.js';

const SOURCE = join(ROOT, 'bench/peers/linux-vxlan/main.c');
const PEER = 'linux vxlan';
const BOTH_WAYS = 'sendmmsg, encapsulation, veth, and decapsulation in the other namespace, one core';
const ONE_WAY = 'sendmmsg, encapsulation, veth, dropped at the other end, one core';
const SIZES = [64, 594, 1400] as const;
const QUICK_SIZES = [64, 1400] as const;
const MILLISECONDS = 200;

/**
 * Runs the driver once.
 * @param milliseconds for each figure
 * @returns nanoseconds per frame of each size: encapsulated and decapsulated, then encapsulated alone
 * @throws ProgramError
 */
export async function runLinuxVxlan(
  program: string,
  milliseconds: number,
  sizes: readonly number[],
): Promise<number[][]> {
  const text = await call(program, [milliseconds, ...sizes].map(String));
  const lines = text.trim().split('\n');
  return lines.map((line) => line.split(' ').map(Number));
}

function peerOf(program: string, sizes: readonly number[]): Peer {
  return {
    rows: sizes.flatMap((bytes) =>
      [BOTH_WAYS, ONE_WAY].map((what) => ({ peer: PEER, what, stage: Stage.Egress, bytes })),
    ),
    round: async () => (await runLinuxVxlan(program, MILLISECONDS, sizes)).flat(),
  };
}

/** The driver's program, or why it can't be measured here. */
export async function findLinuxVxlan(): Promise<{ program: string } | { missing: string }> {
  if (process.platform !== 'linux') return { missing: 'this is not Linux' };
  if (process.getuid?.() !== 0) return { missing: 'network namespaces need root (run it with sudo)' };
  if ((await output('ip', ['-V'])) === undefined) return { missing: 'ip is not installed (Debian: iproute2)' };
  try {
    const program = await build('linux-vxlan', 'cc', (target) => ['-O2', SOURCE, '-o', target]);
    await runLinuxVxlan(program, 1, [SIZES[0]]);
    return { program };
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    const { code, message } = error;
    if (code === 'PROGRAM_MISSING') return { missing: 'it needs a compiler (Debian: gcc libc6-dev)' };
    return { missing: `${message} (it needs CAP_SYS_ADMIN, veth and vxlan)` };
  }
}

/** The driver, if run by root with a compiler. */
export async function linuxVxlanPeers(quick: boolean): Promise<FoundPeers> {
  const found = await findLinuxVxlan();
  if ('missing' in found) return nothingOf({ peer: PEER, what: BOTH_WAYS, missing: found.missing });
  return {
    peers: [peerOf(found.program, quick ? QUICK_SIZES : SIZES)],
    notMeasured: [],
    versions: [`Linux ${release()}`],
  };
}
