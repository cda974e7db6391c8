/** Intel's library in a C loop: the upper bound for the cipher on one core. */
import { join } from 'node:path';
import { ROOT } from '../captures.js';
import { type FrameSize, Stage } from '../result.js';
import { CIPHER_SIZES, encryptedBytes, QUICK_CIPHER_SIZES } from './frame-sizes.js';
import { framesOf } from '../imix.js';
import { type FoundPeers, nothingOf, type Peer, type PeerRow } from './peer.js';
import { build, call, ProgramError } from './program.js';

const SOURCE = join(ROOT, 'bench/peers/ipsec-mb/main.c');
const PEER = 'ipsec-mb in C';
const MILLISECONDS = 30;

function peerOf(program: string, bytes: FrameSize): Peer {
  const row = (stage: Stage, what: string): PeerRow => ({ peer: PEER, what: `${stage}: ${what}`, stage, bytes });
  const words = [MILLISECONDS, ...framesOf(bytes).map(encryptedBytes)].map(String);
  const rows = ['one call per packet, ICV 8', 'bursts of jobs, ICV 8'].flatMap((what) => [
    row(Stage.Seal, what),
    row(Stage.Open, what),
  ]);
  return { rows, round: async () => (await call(program, words)).trim().split(' ').map(Number) };
}

/** Builds the program. @throws ProgramError */
export async function buildIpsecMb(): Promise<string> {
  return build('ipsec-mb', 'cc', (target) => ['-O2', SOURCE, '-o', target, '-lIPSec_MB']);
}

/** The loop, if a compiler and the library's header are installed. */
export async function ipsecMbPeers(quick: boolean): Promise<FoundPeers> {
  try {
    const program = await buildIpsecMb();
    const version = (await call(program, ['version'])).trim();
    const sizes = quick ? QUICK_CIPHER_SIZES : CIPHER_SIZES;
    return {
      peers: sizes.map((size) => peerOf(program, size)),
      notMeasured: [],
      versions: [`ipsec-mb ${version}`],
    };
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    const missing = 'it needs a compiler and the library (Debian, x86-64: gcc libipsec-mb-dev)';
    return nothingOf({ peer: PEER, what: 'seal and open in a C loop', missing });
  }
}
