import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { between, C1, C2, isNeighbour, RING } from '../../dataplane/topology.js';
import { parsePrometheus, sumOf } from '../../live/prometheus-page.js';
import { portOf, withoutRawSockets } from '../../live/loopback.js';
import { fixture } from '../../repository.js';
import { framesOf } from '../frames.js';
import { scratch, vtep } from '../run.js';
import { UpProcess } from './up-process.js';

const folder = scratch();
const ROOT_ONLY = withoutRawSockets();
let configs = 0;

/** The recordings' network on two loopback addresses. */
function config(port: number, { encrypted = false, more = '' } = {}): string {
  const path = join(folder, `config-${configs++}.yaml`);
  writeFileSync(
    path,
    `port: ${port}
nodes:
  n1: { vtep: 127.0.0.2, mtu: 1600 }
  n2: { vtep: 127.0.0.3, mtu: 1600 }
networks:
  net: { vni: 4097, encrypted: ${encrypted} }
endpoints:
  c1: { network: net, node: n1, ip: 10.0.9.3 }
  c2: { network: net, node: n2, ip: 10.0.9.4 }
${more}${encrypted ? RING : ''}`,
  );
  return path;
}

interface Way {
  readonly in: number;
  readonly out: number;
  readonly balanced: boolean;
  readonly dropped: Readonly<Record<string, number>>;
}

interface Report {
  readonly node: string;
  readonly seconds: number;
  readonly egress: Way;
  readonly ingress: Way;
  readonly sealed: number;
  readonly opened: number;
  readonly underlay: { readonly received: number; readonly sent: number; readonly overrun: number };
  readonly framesSkipped: number;
  readonly endpoints: Readonly<Record<string, { readonly received: number; readonly sent: number }>>;
}

async function hexOf(path: string): Promise<string[]> {
  return (await framesOf(path)).map(({ hex }) => hex);
}

describe('vtep up between two processes', () => {
  const RUNS = [
    { encrypted: false, sockets: 'node', skip: false },
    { encrypted: false, sockets: 'system', skip: ROOT_ONLY },
    { encrypted: true, sockets: 'system', skip: ROOT_ONLY },
  ] as const;
  RUNS.forEach(({ encrypted, sockets, skip }, i) => {
    const what = `${encrypted ? 'encrypted' : 'clear'} by sockets of ${sockets}`;
    test(`carries recorded frames from one to the other, byte for byte, ${what}`, { skip }, async () => {
      const path = config(portOf(i), { encrypted });
      const outs = [1, 2].map((node) => join(folder, `out-${i}-n${node}.pcap`));
      const start = (node: 1 | 2, more: readonly string[]): UpProcess => {
        const words = ['--config', path, '--node', `n${node}`, '--sockets', sockets, '--frames-out', outs[node - 1]];
        return new UpProcess([...words, '--json', ...more]);
      };
      const n2 = start(2, []);
      await n2.said(/n2 is up on 127\.0\.0\.3/);
      const recording = fixture('vxlan/01-icmp.c1.pcap');
      const n1 = start(1, ['--frames', recording, '--speed', '50']);
      const first = await n1.end();
      assert.equal(first.status, 0, first.stderr);
      const second = await n2.end('SIGTERM');
      assert.equal(second.status, 0, second.stderr);
      const [sent, got] = [first, second].map(({ stdout }) => JSON.parse(stdout) as Report);
      const frames = await hexOf(recording);
      const expected = between(frames, C1, C2).filter((hex) => !isNeighbour(hex));
      assert.ok(expected.length > 10);
      const out = await hexOf(outs[1]);
      assert.deepEqual(out, expected);
      assert.equal(got.endpoints['c2'].sent, out.length);
      assert.deepEqual(
        [sent, got].map(({ egress, ingress }) => [egress.balanced, ingress.balanced]),
        [
          [true, true],
          [true, true],
        ],
      );
      assert.equal(sent.egress.in + sent.framesSkipped, frames.length);
      assert.equal(sent.underlay.sent, got.underlay.received);
      assert.equal(got.ingress.in, got.underlay.received);
      assert.equal(got.ingress.out, out.length);
      assert.deepEqual([sent.sealed, got.opened], encrypted ? [sent.underlay.sent, got.ingress.in] : [0, 0]);
      // Errors are reported, keys are not.
      assert.doesNotMatch(first.stdout + first.stderr + second.stdout + second.stderr, /00010203|10111213|20212223/);
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.includes('.part')),
        [],
      );
    });
  });

  test('answers Prometheus while it runs, with balanced counters', async () => {
    const path = config(portOf(3));
    const up = new UpProcess([
      '--config',
      path,
      '--node',
      'n1',
      '--sockets',
      'node',
      '--frames-out',
      join(folder, 'm.pcap'),
      '--metrics',
      '[::1]:0',
    ]);
    const url = (await up.said(/http:\S+/)).trim();
    assert.match(url, /^http:\/\/\[::1\]:\d+\/metrics$/);
    const page = parsePrometheus(await (await fetch(url)).text());
    assert.equal(sumOf(page, 'vtep_info', { profile: 'swarm', underlay: 'UDP socket of Node', aead: 'none' }), 1);
    for (const direction of ['egress', 'ingress']) assert.equal(sumOf(page, 'vtep_packets_in_total', { direction }), 0);
    assert.ok(sumOf(page, 'process_resident_memory_bytes') > 1e7);
    const { status, stdout } = await up.end('SIGINT');
    assert.equal(status, 0);
    assert.match(stdout, /^n1: ran for \d+\.\d s\n/);
    assert.match(stdout, /egress +0 +0 +0 +0 +0 +yes/);
  });
});

describe('the duration of vtep up', () => {
  const words = (i: number): string[] => {
    return [
      '--config',
      config(portOf(i)),
      '--node',
      'n1',
      '--sockets',
      'node',
      '--frames-out',
      join(folder, `t${i}.pcap`),
    ];
  };

  test('follows --for, also with a fraction of a second', async () => {
    const began = performance.now();
    const { status, stdout } = await vtep(['up', ...words(4), '--for', '0.3', '--json']);
    const took = (performance.now() - began) / 1000;
    assert.equal(status, 0);
    const { seconds, node } = JSON.parse(stdout) as Report;
    assert.ok(seconds >= 0.3 && seconds < took, `${seconds} of ${took} s`);
    assert.equal(node, 'n1');
    assert.ok(existsSync(join(folder, 't4.pcap')));
  });

  test('may be a year, though no timer can be set to it', async () => {
    const up = new UpProcess([...words(5), '--for', '31536000']);
    await up.said(/is up on/);
    await new Promise((done) => setTimeout(done, 300));
    assert.equal(up.running, true);
    assert.equal((await up.end('SIGTERM')).status, 0);
  });

  test('is zero if its metrics can’t be served, whatever --for and --frames', async () => {
    const one = new UpProcess([...words(6), '--metrics', '0']);
    const port = /:(\d+)\/metrics/.exec(await one.said(/http:\S+/))?.[1] ?? '';
    for (const more of [
      ['--for', '3600'],
      ['--frames', fixture('vxlan/01-icmp.c1.pcap')],
    ]) {
      // If it ran for the requested time, `end` would kill it first.
      const other = await new UpProcess([...words(7), '--metrics', port, ...more]).end();
      assert.equal(other.status, 2);
      assert.match(other.stderr, /^vtep: metrics on 127\.0\.0\.1:\d+: the port is in use; choose another\n$/);
    }
    await one.end('SIGTERM');
  });
});

describe('the output of vtep up', () => {
  test('includes its options in the help', async () => {
    const { status, stdout } = await vtep(['up', '--help']);
    assert.equal(status, 0);
    for (const option of ['--config', '--node', '--state', '--sockets', '--metrics', '--frames', '--for', '--json']) {
      assert.ok(stdout.includes(`  ${option}`), option);
    }
  });

  test('reports how many records of --frames were skipped, and damage', async () => {
    const bytes = readFileSync(fixture('vxlan/01-icmp.c1.pcap'));
    const cut = join(folder, 'cut.pcap');
    writeFileSync(cut, bytes.subarray(0, bytes.length - 10));
    const words = [
      '--config',
      config(portOf(8)),
      '--node',
      'n1',
      '--sockets',
      'node',
      '--frames',
      cut,
      '--speed',
      '1000',
    ];
    const { status, stdout, stderr } = await vtep(['up', ...words]);
    assert.equal(status, 0);
    assert.match(stderr, /^vtep: --frames: .*ends in the middle of the record/m);
    const skipped = (await hexOf(cut)).filter((hex) => hex.slice(12, 24) !== C1).length;
    assert.ok(skipped > 0);
    assert.match(stdout, new RegExp(`^ {2}${skipped} records of --frames skipped: unknown source`, 'm'));
  });

  test('for invalid arguments is one line that says how to fix it, and nothing is opened', async () => {
    const good = config(portOf(9));
    const up = ['--config', good, '--node', 'n1'];
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [[], /up needs --node NAME/],
      [['--node', 'n1'], /up needs --config FILE/],
      [['--node', 'n1', '--store', 'nats://h:1/x'], /--store needs --vtep ADDRESS/],
      [['--node', 'n1', '--store', 'nats://h:1/x', '--vtep', 'n2=10.0.0.2'], /mutually exclusive/],
      [['--node', 'n1', '--store', 'nats://h:1/x', '--config', 'c'], /--store and --config are mutually exclusive/],
      [['--node', 'n1', '--store', 'nats://h:1/x', '--frames-out', 'f'], /--store and --frames-out are mutually/],
      [['--node', 'n1', '--config', 'c', '--lease', '3'], /--lease needs --store/],
      [['--node', 'n1', '--config', 'c', '--kek', 'k'], /--kek needs --store/],
      [[...up, 'more'], /up takes only options, not "more"/],
      [[...up, '--no-such'], /"--no-such".*vtep up --help/],
      [['--config', good, '--node', 'n9'], /there is no node "n9"; there are n1, n2/],
      [[...up, '--sockets', 'raw'], /--sockets takes system or node, not "raw"/],
      [[...up, '--oversize', 'none'], /--oversize takes inside, outside or drop/],
      [[...up, '--busy-poll', '1001'], /--busy-poll takes an integer from 0 to 1000/],
      [[...up, '--for', '0'], /--for takes a number from 0.001 to 31536000/],
      [[...up, '--for', '1e9'], /--for takes a number from 0.001 to 31536000/],
      [[...up, '--speed', '-1'], /speed/],
      [[...up, '--frames-out', '-'], /--frames-out takes a file: the report goes to standard output/],
      [[...up, '--frames', join(folder, 'none.pcap')], /none\.pcap: no such file or directory/],
      [[...up, '--frames-out', join(folder, 'none/out.pcap')], /none\/out\.pcap/],
      [
        [...up, '--sockets', 'node', '--oversize', 'outside', '--frames-out', join(folder, 'x.pcap')],
        /outer fragments need raw sockets/,
      ],
      ...['x', '70000', 'a b:1', '1:2:3', '::1:9', '[::1]', ':'].map(
        (text) => [[...up, '--metrics', text], /--metrics takes PORT, HOST:PORT or \[IPV6\]:PORT, not "/] as const,
      ),
    ];
    const before = readdirSync(folder);
    for (const [words, pattern] of cases) {
      const { status, stdout, stderr } = await vtep(['up', ...words]);
      assert.equal(status, 2, words.join(' '));
      assert.equal(stdout, '');
      assert.match(stderr, pattern);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    }
    assert.deepEqual(readdirSync(folder), before);
  });
});
