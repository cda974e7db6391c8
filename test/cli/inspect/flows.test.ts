/** Conversations of the recordings, compared with tshark's. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ConversationReport, SurveyReport } from '../../../src/inspect/index.js';
import { fixture, missing } from '../../repository.js';
import { scratch, vtep } from '../run.js';

const folder = scratch();

/** Recordings with inner TCP or UDP, and how many conversations they have. */
const TRANSPORTS: Readonly<Record<string, number>> = {
  'docker/03-vip-http.underlay.pcap': 6,
  'docker/05-ingress.underlay.pcap': 6,
  'docker/06-mtu-1300.underlay.pcap': 1,
  'docker/07-encrypted.underlay.pcap': 3,
  'esp/01-esp-docker-aes128-icv64.underlay.pcap': 1,
  'esp/05-esp-aes256-icv128-esn.underlay.pcap': 1,
  'esp/08-esp-key-rotation.underlay.pcap': 2,
  'esp/12-esp-tunnel.underlay.pcap': 1,
  'vxlan/03-http-200k.underlay.pcap': 1,
  'vxlan/05-dns.underlay.pcap': 9,
  'vxlan/32-pmtu-df-1500.underlay.pcap': 1,
  'vxlan/60-offload-on-http.underlay.pcap': 1,
};

/** Recordings of the wire; the containers' files have the same frames without it. Of those without TCP and UDP, some. */
const RECORDINGS = ['docker', 'esp', 'vxlan'].flatMap((room) =>
  readdirSync(fixture(room))
    .filter((name) => /\.pcap(ng)?$/.test(name) && !/\.(c1|c2|web2)\.pcap$/.test(name))
    .map((name) => `${room}/${name}`)
    .filter((name, index) => name in TRANSPORTS || index % 4 === 0),
);

function keysOf(recording: string): string[] {
  const stem = fixture(recording.replace(/\.underlay\.pcap$/, ''));
  const dump = ['.xfrm.txt', '.1-rx-added.xfrm.txt'].map((ending) => stem + ending).find((path) => existsSync(path));
  const isEncrypted = dump !== undefined && !/\/(16|20)-/.test(recording);
  return isEncrypted ? ['--keys', dump] : [];
}

async function report(args: readonly string[]): Promise<SurveyReport> {
  const call = await vtep(['inspect', ...args, '--flows', '--json']);
  assert.equal(call.status, 0, call.stderr);
  return JSON.parse(call.stdout) as SurveyReport;
}

function tshark(path: string, ...args: readonly string[]): string[] {
  // Fragments count one by one, as on the wire.
  const whole = ['ip.defragment:FALSE', 'ipv6.defragment:FALSE'].flatMap((preference) => ['-o', preference]);
  const call = spawnSync('tshark', ['-r', path, ...whole, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.equal(call.status, 0, call.stderr);
  return call.stdout.split('\n').slice(0, -1);
}

/** What a side sent: packets, bytes of frames, retransmissions. */
type Sent = [packets: number, bytes: number, retransmissions: number];
type Conversations = Map<string, Sent>;

/** By `A > B` with ports, both directions on their own. */
function add(found: Conversations, key: string, sent: Readonly<Sent>): void {
  const row = found.get(key) ?? [0, 0, 0];
  found.set(key, row.map((value, i) => value + sent[i]) as Sent);
}

type Transport = 'tcp' | 'udp';
const TRANSPORT: Readonly<Record<string, Transport>> = { 6: 'tcp', 17: 'udp' };

/** Frame by frame, since `-z conv` rounds bytes from 10,000 on; later fragments by their first one's ports. */
function framesOf(path: string): Record<Transport, Conversations> {
  const ports = ['tcp.srcport', 'tcp.dstport', 'udp.srcport', 'udp.dstport'];
  const ends = ['ip.proto', 'ip.src', 'ipv6.src', 'ip.dst', 'ipv6.dst', ...ports];
  const fields = ['frame.len', 'tcp.analysis.retransmission', 'ip.id', ...ends].flatMap((field) => ['-e', field]);
  const filter = 'tcp || udp || ip.proto == 6 || ip.proto == 17';
  const found: Record<Transport, Conversations> = { tcp: new Map(), udp: new Map() };
  const firsts = new Map<string, string>();
  for (const line of tshark(path, '-Y', filter, '-T', 'fields', ...fields)) {
    const [length, repeated, id, number, source4, source6, destination4, destination6, ...rest] = line.split('\t');
    const [tcpFrom, tcpTo, udpFrom, udpTo] = rest;
    // A quoted packet in ICMP has addresses too.
    if (source4.includes(',')) continue;
    const protocol = TRANSPORT[number] ?? (tcpFrom === '' ? 'udp' : 'tcp');
    const [from, to] = protocol === 'tcp' ? [tcpFrom, tcpTo] : [udpFrom, udpTo];
    const [source, destination] = [source4 || source6, destination4 || destination6];
    const packet = `${protocol} ${source} ${destination} ${id}`;
    const key = from === '' ? firsts.get(packet) : `${source} ${from} > ${destination} ${to}`;
    assert.ok(key !== undefined, line);
    firsts.set(packet, key);
    add(found[protocol], key, [1, Number(length), repeated === '' ? 0 : 1]);
  }
  return found;
}

/** Rows of `-z conv`: both ends, and frames each way. */
function conversationsOf(path: string): Record<Transport, Map<string, number>> {
  const row = /^(\S+):(\d+) +<-> (\S+):(\d+) +(\d+) [\d,]+ \S+ +(\d+) [\d,]+ \S+ +(\d+) /;
  const found: Record<Transport, Map<string, number>> = { tcp: new Map(), udp: new Map() };
  let table = found.tcp;
  for (const line of tshark(path, '-q', '-z', 'conv,tcp', '-z', 'conv,udp')) {
    if (line.startsWith('TCP Conversations')) table = found.tcp;
    if (line.startsWith('UDP Conversations')) table = found.udp;
    const match = row.exec(line);
    if (match === null) continue;
    const [, a, portA, b, portB, fromB, fromA] = match;
    const [forth, back] = [`${a} ${portA} > ${b} ${portB}`, `${b} ${portB} > ${a} ${portA}`];
    table.set(forth, (table.get(forth) ?? 0) + Number(fromA));
    table.set(back, (table.get(back) ?? 0) + Number(fromB));
  }
  return found;
}

function ours(rows: readonly ConversationReport[], protocol: string): Conversations {
  const found: Conversations = new Map();
  for (const { a, b } of rows.filter((row) => row.protocol === protocol)) {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ]) {
      if (from.packets === 0) continue;
      const key = `${from.address} ${from.port} > ${to.address} ${to.port}`;
      add(found, key, [from.packets, from.bytes, from.retransmissions]);
    }
  }
  return found;
}

describe('the conversations of a recording are those of tshark', { skip: missing('tshark') }, () => {
  const transports = new Map<string, number>();

  for (const recording of RECORDINGS) {
    test(recording, async () => {
      const inner = join(folder, `${recording.replaceAll('/', '-')}.inner.pcap`);
      const path = fixture(recording);
      const keys = keysOf(recording);
      const decap = await vtep(['decap', path, ...keys, '-o', inner]);
      assert.equal(decap.status, 0, decap.stderr);
      const wire = (await report([path, ...keys])).flows?.conversations.filter(({ vni }) => vni !== null) ?? [];
      const plain = (await report([inner])).flows?.conversations ?? [];
      const frames = framesOf(inner);
      const tables = conversationsOf(inner);
      for (const protocol of ['tcp', 'udp'] as const) {
        const expected = frames[protocol];
        for (const rows of [wire, plain]) assert.deepEqual(ours(rows, protocol.toUpperCase()), expected, protocol);
        // The same by tshark's own table, which knows only first fragments.
        const later = wire.some(({ a, b }) => a.laterFragments + b.laterFragments > 0);
        const table = [...tables[protocol]].filter(([, packets]) => packets > 0);
        assert.equal(table.length, expected.size);
        for (const [key, firsts] of table) {
          const packets = expected.get(key)?.[0] ?? 0;
          assert.ok(later ? packets >= firsts : packets === firsts, key);
        }
      }
      const count = wire.filter(({ protocol }) => protocol === 'TCP' || protocol === 'UDP').length;
      if (count > 0) transports.set(recording, count);
    });
  }

  test('and there are some to compare', () => {
    assert.deepEqual(Object.fromEntries(transports), TRANSPORTS);
  });
});
