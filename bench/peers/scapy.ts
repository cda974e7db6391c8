/** scapy, the common tool for crafting packets: VXLAN to the inner IP, and ESP. */
import { join } from 'node:path';
import { capture, ROOT } from '../captures.js';
import { FRAME_HEADERS } from '../frame.js';
import { decodeToInnerIp } from '../chain.js';
import { type FrameSize, Stage } from '../result.js';
import { DECODE_SIZES, type DecodedPass, QUICK_DECODE_SIZES } from './decoder.js';
import { QUICK_CIPHER_SIZES } from './frame-sizes.js';
import { framesOf } from '../imix.js';
import { type FoundPeers, nothingOf, type Peer, type PeerRow } from './peer.js';
import { call, output } from './program.js';

const SCRIPT = join(ROOT, 'bench/peers/scapy/main.py');
const PACKETS = 300;
/** A multiple of the mix's length; a packet takes a millisecond or two. */
const ESP_PACKETS = 48;
const PEER = 'scapy';

interface Found {
  readonly decoded: readonly DecodedPass[];
  readonly esp: readonly (readonly [seal: number, open: number])[];
}

/** Debian's own may follow another one in PATH. */
const PYTHONS = ['python3', '/usr/bin/python3'] as const;

/** Finds a Python with scapy, and scapy's version. */
export async function findScapy(
  pythons: readonly string[] = PYTHONS,
): Promise<{ python: string; version: string } | undefined> {
  for (const python of pythons) {
    const version = await output(python, [SCRIPT, 'version']);
    if (version !== undefined) return { python, version: version.trim() };
  }
  return undefined;
}

/** A packet around a frame, before and after scapy encrypts it, in hexadecimal. */
export async function showScapy(python: string, frameBytes: number): Promise<string[]> {
  return (await call(python, [SCRIPT, 'show', String(frameBytes)])).trim().split(' ');
}

/** Measures everything in one process, since scapy takes longer to start than to measure. */
function peerOf(python: string, decodeSizes: readonly number[], sizes: readonly FrameSize[]): Peer {
  const captures = decodeSizes.map((size) => capture(size - FRAME_HEADERS, PACKETS));
  const row = (stage: Stage, what: string, bytes: FrameSize): PeerRow => ({ peer: PEER, what, stage, bytes });
  const words = [String(ESP_PACKETS), ...captures, '--', ...sizes.map((size) => framesOf(size).join(','))];
  return {
    rows: [
      ...decodeSizes.map((size) => row(Stage.Decode, 'Ether(bytes) to the inner IP, packets in memory', size)),
      ...sizes.flatMap((size) => [
        row(Stage.Seal, 'seal: SecurityAssociation.encrypt, bytes to bytes, ICV 16', size),
        row(Stage.Open, 'open: SecurityAssociation.decrypt, bytes to bytes, ICV 16', size),
      ]),
    ],
    round: async () => {
      const found = JSON.parse(await call(python, [SCRIPT, 'measure', ...words])) as Found;
      for (const [i, { packets, check }] of found.decoded.entries()) {
        const expected = await decodeToInnerIp(captures[i]);
        if (packets !== expected.packets || check !== expected.check) {
          throw new Error(`scapy found a sum of ${check} in ${packets} packets, not ${expected.check}`);
        }
      }
      return [...found.decoded.map(({ nanoseconds, packets }) => nanoseconds / packets), ...found.esp.flat()];
    },
  };
}

/** scapy, if a Python has it. */
export async function scapyPeers(quick: boolean, pythons: readonly string[] = PYTHONS): Promise<FoundPeers> {
  const found = await findScapy(pythons);
  if (found === undefined) {
    const missing = 'no python3 with scapy and cryptography (Debian: python3-scapy python3-cryptography)';
    return nothingOf({ peer: PEER, what: 'decode to the inner IP, and ESP by SecurityAssociation', missing });
  }
  return {
    peers: [peerOf(found.python, quick ? QUICK_DECODE_SIZES : DECODE_SIZES, QUICK_CIPHER_SIZES)],
    notMeasured: [],
    versions: [`scapy ${found.version}`],
  };
}
