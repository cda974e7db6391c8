/** The load of services in the recordings of a real swarm, compared with tshark's counts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import type { ConversationReport, ServiceReport, SurveyReport } from '../../../src/inspect/index.js';
import { fixture, missing } from '../../repository.js';
import { dumpsWith, namesOf, surveyOf } from './recorded-swarm.js';

type Counts = readonly [connections: number, packets: number, bytes: number];
const NOTHING: Counts = [0, 0, 0];

function service({ services }: SurveyReport, network: string): ServiceReport {
  return services?.find((one) => one.name === 'my-web' && one.network === network) ?? assert.fail('no such service');
}

function backendsOf({ backends }: ServiceReport): Record<string, Counts> {
  return Object.fromEntries(
    backends.map(({ name, address, connections, packets, bytes }) => [name ?? address, [connections, packets, bytes]]),
  );
}

const traffic = ({ connections, packets, bytes }: ServiceReport['atVip']): Counts => [connections, packets, bytes];

/** Recordings, the network of their service, and what each backend got. */
const RECORDINGS = [
  {
    name: '03-vip-http.underlay',
    network: 'my-network',
    backends: { 'my-web.3': [3, 109, 74_774], 'my-web.1': [1, 18, 1436], 'my-web.2': [2, 44, 3400] },
    atVip: NOTHING,
    atPorts: NOTHING,
  },
  {
    name: '03-vip-http.node1-lb-eth0',
    network: 'my-network',
    backends: { 'my-web.3': [3, 70, 72_200], 'my-web.1': [2, 46, 3532], 'my-web.2': [2, 44, 3400] },
    // One of them is a ping of the virtual IP, which the load balancer answers itself.
    atVip: [7, 164, 79_524],
    atPorts: NOTHING,
  },
  {
    name: '05-ingress.underlay',
    network: 'ingress',
    backends: { 'my-web.3': [2, 40, 3182], 'my-web.1': [2, 40, 3182], 'my-web.2': [2, 44, 3440] },
    atVip: NOTHING,
    atPorts: [4, 84, 6628],
  },
  {
    name: '05-ingress.node1-ingress_sbox-eth1',
    network: 'ingress',
    backends: { 'my-web.3': NOTHING, 'my-web.1': NOTHING, 'my-web.2': NOTHING },
    atVip: NOTHING,
    atPorts: [5, 106, 8345],
  },
  {
    name: '08-scale-and-attach.underlay',
    network: 'my-network',
    backends: { 'my-web.3': NOTHING, 'my-web.1': NOTHING, 'my-web.2': NOTHING },
    atVip: NOTHING,
    atPorts: NOTHING,
  },
] as const;

/** Connections, packets and bytes of frames per address that load balancers exchanged packets with, by tshark. */
function byTshark(recording: string, balancers: readonly string[]): Map<string, Counts> {
  const fields = ['ip.src', 'ip.dst', 'frame.len', 'tcp.stream', 'vxlan.vni'].flatMap((field) => ['-e', field]);
  const path = fixture(`docker/${recording}.pcap`);
  const call = spawnSync('tshark', ['-r', path, '-Y', 'tcp', '-T', 'fields', ...fields], { encoding: 'utf8' });
  assert.equal(call.status, 0, call.stderr);
  const streams = new Map<string, Set<string>>();
  const found = new Map<string, Counts>();
  for (const line of call.stdout.split('\n')) {
    const [sources, destinations, length, stream, vni] = line.split('\t') as [
      string,
      string?,
      string?,
      string?,
      string?,
    ];
    const [source, destination] = [sources, destinations ?? ''].map((text) => text.split(',').at(-1) ?? '');
    const task = balancers.includes(source) ? destination : balancers.includes(destination) ? source : undefined;
    if (task === undefined) continue;
    const known = streams.get(task) ?? new Set<string>();
    streams.set(task, known.add(stream ?? ''));
    const [, packets, bytes] = found.get(task) ?? NOTHING;
    // Outer Ethernet, IPv4, UDP and VXLAN headers: 50 bytes.
    found.set(task, [known.size, packets + 1, bytes + Number(length) - (vni === '' ? 0 : 50)]);
  }
  return found;
}

describe('the load of a service in a recording', () => {
  const names = namesOf();
  for (const { name, network, backends, atVip, atPorts } of RECORDINGS) {
    test(`${name}: connections, packets and bytes of each backend, and of clients`, async () => {
      const found = service(await surveyOf(name, { names }), network);
      assert.deepEqual(backendsOf(found), backends);
      assert.deepEqual([traffic(found.atVip), traffic(found.atPorts)], [atVip, atPorts]);
      const sums = Object.values<Counts>(backends).reduce<number[]>(
        (all, row) => all.map((sum, i) => sum + row[i]),
        [0, 0, 0],
      );
      assert.deepEqual([found.connections, found.packets, found.bytes], sums);
      const shares = found.backends.reduce((all, { share }) => all + share, 0);
      assert.ok(Math.abs(shares - (found.bytes === 0 ? 0 : 1)) < 1e-9, String(shares));
    });

    test(`${name}: the same as tshark counts`, { skip: missing('tshark') }, () => {
      const balancers = network === 'ingress' ? ['10.0.0.2', '10.0.0.3'] : ['10.0.9.6', '10.0.9.7'];
      const expected =
        network === 'ingress' ? ['10.0.0.5', '10.0.0.6', '10.0.0.7'] : ['10.0.9.3', '10.0.9.4', '10.0.9.5'];
      const counted = byTshark(name, balancers);
      assert.deepEqual(
        expected.map((address) => counted.get(address) ?? NOTHING),
        Object.values(backends),
      );
    });
  }

  test('a service has its virtual IP, mode and ports, those with the most bytes are first, and idle ones have zeros', async () => {
    const { services, flows } = await surveyOf('05-ingress.underlay', { names });
    assert.equal(flows, null);
    const [first] = services ?? [];
    assert.deepEqual(
      [first.name, first.network, first.vni, first.mode, first.vip, first.ports],
      ['my-web', 'ingress', 4096, 'vip', '10.0.0.4', ['8080:80/tcp']],
    );
    const idle = services?.find((one) => one.name === 'mtu-web');
    assert.deepEqual([idle?.mode, idle?.vip, idle?.packets, idle?.backends.length], ['dnsrr', null, 0, 2]);
  });

  test('clients of a service in DNS round-robin mode reach its tasks themselves', async () => {
    const { services } = await surveyOf('06-mtu-1300.underlay', { names });
    const web = services?.find((one) => one.name === 'mtu-web') ?? assert.fail('no mtu-web');
    assert.ok(web.packets > 0 && web.connections > 0);
    assert.equal(web.backends.filter(({ packets }) => packets > 0).length, 1);
  });

  test("a backend that isn't in the dump is unknown: on the ingress network its port says whose it is", async () => {
    const files = dumpsWith('32c81zgcrusx1zkzb5cermub4', () => false);
    const ingress = service(await surveyOf('05-ingress.underlay', { names: namesOf(files) }), 'ingress');
    assert.deepEqual(backendsOf(ingress), {
      'my-web.3': [2, 40, 3182],
      'my-web.1': [2, 40, 3182],
      '10.0.0.7': [2, 44, 3440],
    });
    assert.equal(ingress.backends[2].name, null);
  });

  test('what a load balancer sends to anything but a task is no load', () => {
    const side = { packets: 1, bytes: 60, payloadBytes: 0, laterFragments: 0, tcpFlags: 0, retransmissions: 0 };
    const more = { fastRetransmissions: 0, resets: 0, zeroWindows: 0 };
    const end = (address: string): ConversationReport['a'] => ({ ...side, ...more, address, port: 80 });
    const between = (a: string, b: string): ConversationReport => ({
      ...{ vni: 4097, protocol: 'TCP', protocolNumber: 6, family: 4, a: end(a), b: end(b), packets: 2, bytes: 120 },
      ...{ startTime: null, durationSeconds: 0, bitsPerSecond: null, rttSeconds: null, serverRttSeconds: null },
      ...{ clientRttSeconds: null, retransmissions: 0, resets: 0, zeroWindows: 0 },
    });
    const others = [between('10.0.9.7', '10.0.9.6'), between('10.0.9.7', '10.0.9.1'), between('10.0.9.10', '10.0.9.3')];
    const idle = names.serviceLoad(others);
    assert.ok(idle.every(({ packets, atVip, atPorts }) => packets + atVip.packets + atPorts.packets === 0));
    // The reply first: the capture began in the middle.
    const [busy] = names.serviceLoad([between('10.0.9.3', '10.0.9.7')]);
    assert.deepEqual([busy.name, busy.connections, busy.packets, busy.bytes], ['my-web', 1, 2, 120]);
  });

  test('of a packet seen in VXLAN and at an interface, one counts', async () => {
    const { flows } = await surveyOf('05-ingress.underlay', { names, flows: true });
    const rows = flows?.conversations ?? [];
    const outside = rows.filter(({ vni }) => vni !== null).map((row) => ({ ...row, vni: null }));
    assert.equal(outside.length, 6);
    assert.deepEqual(names.serviceLoad([...rows, ...outside]), names.serviceLoad(rows));
  });

  test('on another network it belongs to no service that could be named', async () => {
    const files = dumpsWith('32c81zgcrusx1zkzb5cermub4', () => false);
    const { services } = await surveyOf('03-vip-http.underlay', { names: namesOf(files) });
    const last = services?.at(-1);
    assert.deepEqual([last?.name, last?.network, last?.mode, last?.vip], [null, 'my-network', null, null]);
    assert.deepEqual(last && backendsOf(last), { '10.0.9.5': [2, 44, 3400] });
  });
});
