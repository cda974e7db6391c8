/** gopacket's `DecodingLayerParser`, the usual way to decode packets fast in Go. */
import { join } from 'node:path';
import { ROOT } from '../captures.js';
import { MEMORY_PACKETS } from '../chain.js';
import { DECODE_SIZES, type DecodedPass, type Decoder, decoderPeer, Decodes, QUICK_DECODE_SIZES } from './decoder.js';
import { type FoundPeers, nothingOf } from './peer.js';
import { build, call, output, ProgramError } from './program.js';

const SOURCE = join(ROOT, 'bench/peers/gopacket/main.go');
const PACKAGE = 'golang-github-google-gopacket-dev';
const PEER = 'gopacket';
const MILLISECONDS = 200;
const PACKETS = 100_000;
/** Where Debian installs Go packages. */
const ENVIRONMENT = { GOPATH: '/usr/share/gocode', GO111MODULE: 'off' } as const;

function decoders(program: string): Decoder[] {
  const pass =
    (container: string, memory: number) =>
    async (path: string): Promise<DecodedPass> => {
      const words = [path, MILLISECONDS, container, memory, PACKETS].map(String);
      return JSON.parse(await call(program, words)) as DecodedPass;
    };
  const both = (container: string, name: string): Decoder[] => [
    {
      peer: PEER,
      what: `DecodingLayerParser, ${name}, packets in memory`,
      decodes: Decodes.Memory,
      packets: PACKETS,
      pass: pass(container, MEMORY_PACKETS),
    },
    {
      peer: PEER,
      what: `DecodingLayerParser, ${name}, from a file`,
      decodes: Decodes.File,
      packets: PACKETS,
      pass: pass(container, 0),
    },
  ];
  return [...both('map', 'default container'), ...both('sparse', 'DecodingLayerSparse')];
}

async function whyNot(error: ProgramError): Promise<string> {
  if (error.code === 'PROGRAM_MISSING') return `Go is not installed (Debian: golang-go ${PACKAGE})`;
  const needs = `Debian: ${PACKAGE} golang-golang-x-sys-dev`;
  return (await output('go', ['version'])) === undefined ? error.message : `it did not build (${needs})`;
}

/** gopacket, if Go and Debian's package are installed. */
export async function gopacketPeers(quick: boolean): Promise<FoundPeers> {
  try {
    const program = await build('gopacket', 'go', (target) => ['build', '-o', target, SOURCE], ENVIRONMENT);
    const sizes = quick ? QUICK_DECODE_SIZES : DECODE_SIZES;
    const go = (await call('go', ['version'])).split(' ')[2];
    const version = (await output('dpkg-query', ['-W', '-f', '${Version}', PACKAGE])) ?? 'of unknown version';
    return {
      peers: sizes.flatMap((size) => decoders(program).map((decoder) => decoderPeer(decoder, size))),
      notMeasured: [],
      versions: [go, `gopacket ${version}`],
    };
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    return nothingOf({ peer: PEER, what: 'DecodingLayerParser to the inner IP', missing: await whyNot(error) });
  }
}
