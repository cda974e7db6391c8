/** The npm packages for captures: pcap-parser and cap's decoders, each in a separate process. */
import { join } from 'node:path';
import { ROOT } from '../captures.js';
import { DECODE_SIZES, type DecodedPass, type Decoder, decoderPeer, Decodes, QUICK_DECODE_SIZES } from './decoder.js';
import type { FoundPeers } from './peer.js';
import { call, packageVersion } from './program.js';

const CHILD = join(ROOT, 'dist/bench/peers/child.js');
const MILLISECONDS = 200;
const PACKETS = 30_000;

function decoder(name: string, what: string, decodes: Decodes): Decoder {
  const words = (path: string): string[] => [CHILD, name, path, String(MILLISECONDS)];
  const pass = async (path: string): Promise<DecodedPass> =>
    JSON.parse(await call(process.execPath, words(path))) as DecodedPass;
  return { peer: name, what, decodes, packets: PACKETS, pass };
}

const DECODERS: readonly Decoder[] = [
  decoder('pcap-parser', 'records from a file, decodes nothing', Decodes.Nothing),
  decoder('cap', "its decoders called twice, over vtep's records from a file", Decodes.File),
];

/** The packages that are installed. */
export function npmDecoderPeers(quick: boolean): FoundPeers {
  const sizes = quick ? QUICK_DECODE_SIZES : DECODE_SIZES;
  const there = DECODERS.filter(({ peer }) => packageVersion(peer) !== undefined);
  return {
    peers: sizes.flatMap((size) => there.map((one) => decoderPeer(one, size))),
    notMeasured: DECODERS.filter((one) => !there.includes(one)).map(({ peer, what }) => ({
      peer,
      what,
      missing: `the npm package is not installed (npm install ${peer})`,
    })),
    versions: there.map(({ peer }) => `${peer} ${packageVersion(peer) ?? ''}`),
  };
}
