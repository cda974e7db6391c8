/**
 * The same captures through vtep and through what people use instead, in one run, turn by turn; ratios beside the
 * figures. What isn't installed is named as not measured.
 *
 *     node dist/bench/peers/run.js [--json FILE]
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CAPTURES, COUNT, capture, ROOT } from '../captures.js';
import { machine, median, printTable, spread } from '../machine.js';

const ROUNDS = 5;
const PASSES = 3;
/** tshark is too slow for the whole capture. */
const TSHARK_PACKETS = 50_000;

interface Measured {
  readonly packets: number;
  readonly check: number;
  readonly nanoseconds: number;
}

interface Peer {
  readonly name: string;
  readonly what: string;
  /** Whether it decodes to the inner addresses, and its sum must be everyone's. */
  readonly decodes: boolean;
  /** Why it can't be measured, or undefined. */
  readonly missing: string | undefined;
  readonly run: (path: string) => Measured;
}

function output(program: string, words: readonly string[], environment: NodeJS.ProcessEnv = {}): string | undefined {
  const call = spawnSync(program, words, { env: { ...process.env, ...environment }, maxBuffer: 1 << 28 });
  return call.status === 0 ? call.stdout.toString() : undefined;
}

function child(name: string): (path: string) => Measured {
  return (path) => {
    const words = [join(ROOT, 'dist/bench/peers/child.js'), name, path, String(PASSES)];
    return JSON.parse(output(process.execPath, words) ?? 'null') as Measured;
  };
}

function packageMissing(name: string): string | undefined {
  try {
    createRequire(import.meta.url).resolve(name);
    return undefined;
  } catch {
    return `the npm package ${name.split('/')[0]} is not installed`;
  }
}

const GOPACKET = join(CAPTURES, 'gopacket');

function buildGopacket(): string | undefined {
  if (output('go', ['version']) === undefined) return 'Go is not installed (Debian: golang-go)';
  const built = output('go', ['build', '-o', GOPACKET, join(ROOT, 'bench/peers/gopacket/main.go')], {
    GOPATH: '/usr/share/gocode',
    GO111MODULE: 'off',
  });
  if (built !== undefined) return undefined;
  return 'gopacket did not build (Debian: golang-github-google-gopacket-dev golang-golang-x-sys-dev)';
}

function tshark(path: string): Measured {
  const fields = ['-T', 'fields', '-e', 'ip.src', '-e', 'ip.dst'];
  const start = process.hrtime.bigint();
  output('tshark', ['-n', '-r', path, '-c', String(TSHARK_PACKETS), ...fields]);
  return { packets: TSHARK_PACKETS, check: 0, nanoseconds: Number(process.hrtime.bigint() - start) };
}

const peers: Peer[] = [
  { name: 'vtep', what: 'Layers to the inner IP', decodes: true, missing: undefined, run: child('vtep') },
  { name: 'vtep', what: 'Ingress, then the inner IP', decodes: true, missing: undefined, run: child('ingress') },
  {
    name: 'gopacket',
    what: 'DecodingLayerParser to the inner UDP',
    decodes: true,
    missing: buildGopacket(),
    run: (path) => JSON.parse(output(GOPACKET, [path, String(PASSES)]) ?? 'null') as Measured,
  },
  {
    name: 'pcap-parser',
    what: 'records alone',
    decodes: false,
    missing: packageMissing('pcap-parser'),
    run: child('pcap-parser'),
  },
  {
    name: 'vtep/native-free',
    what: 'records alone, by pcap-parser',
    decodes: false,
    missing: packageMissing('pcap-parser'),
    run: child('pcap-parser-source'),
  },
  {
    name: 'cap',
    what: "its decoders, over vtep's records",
    decodes: true,
    missing: packageMissing('cap/lib/Decoders.js'),
    run: child('cap'),
  },
  {
    name: 'tshark',
    what: `fields of ${TSHARK_PACKETS} packets`,
    decodes: false,
    missing: output('tshark', ['--version']) === undefined ? 'tshark is not installed' : undefined,
    run: tshark,
  },
];

function versions(): string {
  const go = output('go', ['version'])?.split(' ')[2] ?? 'no Go';
  const gopacket = output('dpkg-query', ['-W', '-f', '${Version}', 'golang-github-google-gopacket-dev']) ?? 'unknown';
  const wireshark = output('tshark', ['--version'])?.match(/[0-9]+\.[0-9]+\.[0-9]+/)?.[0] ?? 'none';
  return `${go}, gopacket ${gopacket}, pcap-parser 0.2.1, cap 0.2.1, tshark ${wireshark}`;
}

const results: unknown[] = [];
process.stdout.write(`${machine()}\n${versions()}\n`);
for (const payload of [64, 1400]) {
  const path = capture(payload, COUNT);
  const times = peers.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    let check: number | undefined;
    peers.forEach((peer, i) => {
      if (peer.missing !== undefined) return;
      const measured = peer.run(path);
      times[i].push(measured.nanoseconds / measured.packets);
      if (!peer.decodes) return;
      check ??= measured.check;
      if (measured.check !== check) throw new Error(`${peer.name} decoded something else than the others`);
    });
  }
  const base = median(times[0]);
  process.stdout.write('\n');
  printTable(
    [`${payload} bytes inside`, 'ns/packet', 'Mpps', 'x vtep', 'spread %'],
    peers.map((peer, i) => {
      const name = `${peer.name}: ${peer.what}`;
      if (peer.missing !== undefined) return [name, 'not measured:', peer.missing, '', ''];
      const middle = median(times[i]);
      results.push({ payload, peer: peer.name, what: peer.what, nsPerPacket: middle, ratio: middle / base });
      return [
        name,
        middle.toFixed(1),
        (1000 / middle).toFixed(2),
        (middle / base).toFixed(2),
        spread(times[i]).toFixed(0),
      ];
    }),
  );
}
const { values } = parseArgs({ options: { json: { type: 'string' } } });
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ machine: machine(), versions: versions(), results }, null, 2)}\n`);
}
