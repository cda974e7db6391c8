/** OpenSSL's own benchmark: the cipher over the same buffer repeatedly, without individual nonces or ICVs. */
import { type FrameSize, Stage } from '../result.js';
import { CIPHER_SIZES, encryptedBytes, QUICK_CIPHER_SIZES } from './frame-sizes.js';
import { type FoundPeers, nothingOf, type Peer } from './peer.js';
import { call, output, ProgramError } from './program.js';

const ROW = {
  peer: 'openssl speed',
  what: 'aes-128-gcm over one buffer, no nonce, no ICV',
  stage: Stage.Seal,
} as const;

function peerOf(bytes: number): Peer {
  const encrypted = encryptedBytes(bytes);
  const words = ['speed', '-elapsed', '-seconds', '1', '-bytes', String(encrypted), '-evp', 'aes-128-gcm', '-mr'];
  return {
    rows: [{ ...ROW, bytes }],
    round: async () => {
      const match = /^\+F:\d+:AES-128-GCM:([0-9.]+)/im.exec(await call('openssl', words));
      if (match === null) throw new ProgramError('PROGRAM_FAILED', 'openssl speed printed no figure for aes-128-gcm');
      return [(encrypted / Number(match[1])) * 1e9];
    },
  };
}

/** `openssl speed` takes one size per run: no mix. */
export async function opensslSpeedPeers(quick: boolean): Promise<FoundPeers> {
  const version = await output('openssl', ['version']);
  if (version === undefined) return nothingOf({ ...ROW, missing: 'openssl is not installed (Debian: openssl)' });
  const sizes: readonly FrameSize[] = quick ? QUICK_CIPHER_SIZES : CIPHER_SIZES;
  return {
    peers: sizes.filter((size) => size !== 'imix').map(peerOf),
    notMeasured: [],
    versions: [`openssl ${version.split(' ')[1]}`],
  };
}
