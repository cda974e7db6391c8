/**
 * The same captures through vtep and through what people use instead, in one run, turn by turn; ratios beside the
 * figures. What isn't installed is named as not measured.
 *
 *     node dist/bench/peers/run.js [--json FILE]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openCaptureFile } from '../../src/capture/index.js';
import { Ingress } from '../../src/dataplane/index.js';
import { Layers } from '../../src/wire/index.js';
import { CAPTURES, COUNT, capture, ROOT } from '../captures.js';
import { MEMORY_PACKETS } from '../chain.js';
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
  /** How far it decodes: all packets to the inner addresses (its sum must be everyone's), the first ones, a few in memory round and round, or none. */
  readonly decodes: 'all' | 'first' | 'memory' | 'none';
  /** Why it can't be measured, or undefined. */
  readonly missing: string | undefined;
  readonly run: (path: string) => Measured;
}

function call(program: string, words: readonly string[], environment: NodeJS.ProcessEnv = {}): string {
  const ended = spawnSync(program, words, { env: { ...process.env, ...environment }, maxBuffer: 1 << 28 });
  if (ended.error !== undefined) throw ended.error;
  if (ended.status !== 0) throw new Error(`${program} failed: ${ended.stderr.toString().trim()}`);
  return ended.stdout.toString();
}

/** What a program prints, or undefined where it isn't there or fails. */
function output(program: string, words: readonly string[], environment: NodeJS.ProcessEnv = {}): string | undefined {
  try {
    return call(program, words, environment);
  } catch {
    return undefined;
  }
}

function child(name: string): (path: string) => Measured {
  const script = join(ROOT, 'dist/bench/peers/child.js');
  return (path) => JSON.parse(call(process.execPath, [script, name, path, String(PASSES)])) as Measured;
}

/** The installed version of an npm package. By path: not every package lets its package.json be imported. */
function packageVersion(name: string): string | undefined {
  const path = join(ROOT, 'node_modules', name, 'package.json');
  if (!existsSync(path)) return undefined;
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

function packageMissing(name: string): string | undefined {
  return packageVersion(name) === undefined ? `the npm package ${name} is not installed` : undefined;
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

function gopacket(container: string, memory = 0): (path: string) => Measured {
  const words = [container, String(memory), String(COUNT)];
  return (path) => JSON.parse(call(GOPACKET, [path, String(PASSES), ...words])) as Measured;
}

/** The first packets alone, and without the time that it takes to start, which its first packet costs. */
function tshark(path: string): Measured {
  const read = (packets: number): { nanoseconds: number; lines: string[] } => {
    const start = process.hrtime.bigint();
    const fields = ['-T', 'fields', '-e', 'ip.src', '-e', 'ip.dst'];
    const text = call('tshark', ['-n', '-r', path, '-c', String(packets), ...fields]);
    return { nanoseconds: Number(process.hrtime.bigint() - start), lines: text.trim().split('\n') };
  };
  const first = read(1);
  const all = read(TSHARK_PACKETS);
  // Outer and inner address stand side by side: the inner one's last byte is behind the last point.
  const check = all.lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf('.') + 1)), 0);
  return { packets: all.lines.length, check, nanoseconds: all.nanoseconds - first.nanoseconds };
}

/** What the first packets sum up to, for who decodes no more of them. */
async function expectedOfFirst(path: string, packets: number): Promise<number> {
  const source = await openCaptureFile(path);
  const receiver = new Ingress();
  const inner = new Layers();
  let check = 0;
  let left = packets;
  for (let batch = await source.next(); batch !== undefined && left > 0; batch = await source.next()) {
    for (let i = 0; i < batch.count && left > 0; i++, left--) {
      const at = batch.offset[i];
      const end = at + batch.capturedLength[i];
      receiver.receive(batch.linkType[i], batch.bytes, at, end, at + batch.originalLength[i], batch.seconds[i]);
      inner.walkEthernet(receiver.outerBytes, receiver.frameOffset, receiver.frameEnd);
      check += receiver.outerBytes[inner.addressOffset + 7];
    }
  }
  await source.close();
  return check;
}

const GOPACKET_MISSING = buildGopacket();

const peers: Peer[] = [
  { name: 'vtep', what: 'Layers to the inner IP', decodes: 'all', missing: undefined, run: child('vtep') },
  { name: 'vtep', what: 'Ingress, then the inner IP', decodes: 'all', missing: undefined, run: child('ingress') },
  { name: 'vtep', what: 'records alone', decodes: 'none', missing: undefined, run: child('records') },
  {
    name: 'gopacket',
    what: 'DecodingLayerParser',
    decodes: 'all',
    missing: GOPACKET_MISSING,
    run: gopacket('map'),
  },
  {
    name: 'gopacket',
    what: 'DecodingLayerParser, sparse container',
    decodes: 'all',
    missing: GOPACKET_MISSING,
    run: gopacket('sparse'),
  },
  {
    name: 'vtep',
    what: 'Layers to the inner IP, packets in memory',
    decodes: 'memory',
    missing: undefined,
    run: child('memory'),
  },
  {
    name: 'gopacket',
    what: 'DecodingLayerParser, packets in memory',
    decodes: 'memory',
    missing: GOPACKET_MISSING,
    run: gopacket('map', MEMORY_PACKETS),
  },
  {
    name: 'gopacket',
    what: 'the same, sparse container',
    decodes: 'memory',
    missing: GOPACKET_MISSING,
    run: gopacket('sparse', MEMORY_PACKETS),
  },
  {
    name: 'pcap-parser',
    what: 'records alone',
    decodes: 'none',
    missing: packageMissing('pcap-parser'),
    run: child('pcap-parser'),
  },
  {
    name: 'vtep/native-free',
    what: 'records alone, by pcap-parser',
    decodes: 'none',
    missing: packageMissing('pcap-parser'),
    run: child('pcap-parser-source'),
  },
  {
    name: 'cap',
    what: "its decoders, over vtep's records",
    decodes: 'all',
    missing: packageMissing('cap'),
    run: child('cap'),
  },
  {
    name: 'tshark',
    what: `ip.src and ip.dst of ${TSHARK_PACKETS} packets`,
    decodes: 'first',
    missing: output('tshark', ['--version']) === undefined ? 'tshark is not installed' : undefined,
    run: tshark,
  },
];

function versions(): string {
  const go = output('go', ['version'])?.split(' ')[2] ?? 'no Go';
  const gopacket = output('dpkg-query', ['-W', '-f', '${Version}', 'golang-github-google-gopacket-dev']) ?? 'unknown';
  const wireshark = output('tshark', ['--version'])?.match(/[0-9]+\.[0-9]+\.[0-9]+/)?.[0] ?? 'none';
  return `${go}, gopacket ${gopacket}, pcap-parser ${packageVersion('pcap-parser') ?? 'none'}, cap ${packageVersion('cap') ?? 'none'}, tshark ${wireshark}`;
}

const { values } = parseArgs({ options: { json: { type: 'string' }, rounds: { type: 'string' } } });
const rounds = Number(values.rounds ?? ROUNDS);
if (!(rounds >= 1)) {
  process.stderr.write('run: --rounds takes a number from 1 on\n');
  process.exit(2);
}
const results: unknown[] = [];
process.stdout.write(`${machine()}\n${versions()}\n`);
for (const payload of [64, 1400]) {
  const path = capture(payload, COUNT);
  const times = peers.map((): number[] => []);
  const first = await expectedOfFirst(path, TSHARK_PACKETS);
  const all = await expectedOfFirst(path, Infinity);
  const memory = (await expectedOfFirst(path, MEMORY_PACKETS)) * (COUNT / MEMORY_PACKETS);
  for (let round = 0; round < rounds; round++) {
    peers.forEach((peer, i) => {
      if (peer.missing !== undefined) return;
      const measured = peer.run(path);
      times[i].push(measured.nanoseconds / measured.packets);
      const packets = peer.decodes === 'first' ? TSHARK_PACKETS : COUNT;
      const expected = { all, first, memory, none: measured.check }[peer.decodes];
      if (measured.packets !== packets || measured.check !== expected) {
        throw new Error(`${peer.name} read ${measured.packets} packets with sum ${measured.check}, not ${expected}`);
      }
    });
  }
  const base = median(times[0]);
  process.stdout.write('\n');
  printTable(
    [`${payload} bytes inside`, 'ns/packet', 'Mpps', 'x vtep', 'spread %'],
    peers
      .map((peer, i) => ({ peer, name: `${peer.name}: ${peer.what}`, times: times[i] }))
      .filter(({ peer }) => peer.missing === undefined)
      .map(({ peer, name, times: values }) => {
        const middle = median(values);
        results.push({
          payload,
          peer: peer.name,
          what: peer.what,
          nsPerPacket: middle,
          ratio: middle / base,
          rounds: values,
        });
        return [
          name,
          middle.toFixed(1),
          (1000 / middle).toPrecision(3),
          (middle / base).toFixed(2),
          spread(values).toFixed(0),
        ];
      }),
  );
}
for (const { name, what, missing } of peers) {
  if (missing === undefined) continue;
  process.stdout.write(`not measured: ${name} (${what}): ${missing}\n`);
  results.push({ peer: name, what, missing });
}
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ machine: machine(), versions: versions(), results }, null, 2)}\n`);
}
