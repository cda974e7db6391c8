/** tshark, printing the addresses of a capture. */
import { DECODE_SIZES, type DecodedPass, decoderPeer, Decodes, QUICK_DECODE_SIZES } from './decoder.js';
import { type FoundPeers, nothingOf } from './peer.js';
import { call, output } from './program.js';

const PACKETS = 5_000;
const NAME = { peer: 'tshark', what: 'ip.src and ip.dst as text, start-up time subtracted' } as const;

async function read(path: string, packets: number): Promise<{ nanoseconds: number; lines: string[] }> {
  const start = process.hrtime.bigint();
  const fields = ['-T', 'fields', '-e', 'ip.src', '-e', 'ip.dst'];
  const text = await call('tshark', ['-n', '-r', path, '-c', String(packets), ...fields]);
  return { nanoseconds: Number(process.hrtime.bigint() - start), lines: text.trim().split('\n') };
}

/** Subtracts tshark's start-up time, measured with a single packet. */
async function pass(path: string): Promise<DecodedPass> {
  const first = await read(path, 1);
  const all = await read(path, PACKETS);
  // Outer and inner address are adjacent: the inner one's last byte follows the last dot.
  const check = all.lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf('.') + 1)), 0);
  return { packets: all.lines.length, check, nanoseconds: all.nanoseconds - first.nanoseconds };
}

/** tshark, if installed. */
export async function tsharkPeers(quick: boolean): Promise<FoundPeers> {
  const version = /[0-9]+\.[0-9]+\.[0-9]+/.exec((await output('tshark', ['--version'])) ?? '');
  if (version === null) return nothingOf({ ...NAME, missing: 'tshark is not installed (Debian: tshark)' });
  const decoder = { ...NAME, decodes: Decodes.File, packets: PACKETS, pass };
  return {
    peers: (quick ? QUICK_DECODE_SIZES : DECODE_SIZES).map((size) => decoderPeer(decoder, size)),
    notMeasured: [],
    versions: [`tshark ${version[0]}`],
  };
}
