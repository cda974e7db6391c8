/** Requirements of tests in network namespaces. */
import { accessSync, constants } from 'node:fs';
import { NamespaceBench } from './namespace-bench.js';
import { command } from './command.js';

const TUN = '/dev/net/tun';
/** How to check for a program, and its Debian package. */
export interface Program {
  readonly words: readonly string[];
  readonly from: string;
}

const PROGRAMS: readonly Program[] = [
  { words: ['ip', '-V'], from: 'iproute2' },
  { words: ['bridge', '-V'], from: 'iproute2' },
  { words: ['setpriv', '--version'], from: 'util-linux' },
  { words: ['ping', '-V'], from: 'iputils-ping' },
  { words: ['arping', '-V'], from: 'iputils-arping' },
  { words: ['iperf3', '--version'], from: 'iperf3' },
  { words: ['tcpdump', '--version'], from: 'tcpdump' },
  { words: ['ethtool', '--version'], from: 'ethtool' },
  { words: ['nft', '--version'], from: 'nftables' },
];

/** The server of a store, which the tests of nodes over one need besides. */
export const NATS_SERVER: Program = { words: ['nats-server', '--version'], from: 'nats-server' };

function says(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Why namespaces with vxlan devices can't be created here. */
function refusal(): string | undefined {
  const bench = new NamespaceBench();
  try {
    return says(() => void bench.namespace('try').ip('link add vxlan0 type vxlan id 1 dstport 4789'));
  } finally {
    bench.close();
  }
}

/** What this machine lacks, as the reason to skip a test; undefined if nothing. @param more programs that it needs */
export function lacking(...more: readonly Program[]): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are Linux only';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const absent = [...PROGRAMS, ...more].filter(({ words }) => says(() => command(words)) !== undefined);
  if (absent.length > 0) {
    return absent.map(({ words: [program = ''], from }) => `${program} is not installed (Debian: ${from})`).join('; ');
  }
  if (says(() => accessSync(TUN, constants.R_OK | constants.W_OK)) !== undefined) return `${TUN} can't be opened`;
  const why = refusal();
  return why === undefined ? undefined : `network namespaces can't be made: ${why}`;
}

/** Why tests in network namespaces are skipped, or undefined. In CI none are: a missing requirement fails them. */
export function requirements(...more: readonly Program[]): string | undefined {
  return process.env['CI'] === 'true' ? undefined : lacking(...more);
}
