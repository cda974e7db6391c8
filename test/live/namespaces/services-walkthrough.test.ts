/**
 * The walkthrough of Swarm's documents on two nodes without Docker: an encrypted network, a web service with a virtual IP and
 * a published port, DNS round-robin, scaling, and a drain while requests go on. Clients and web servers are busybox's.
 * `VTEP_TRANSCRIPT=FILE` keeps the commands and what they printed.
 */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { scratch, vtep } from '../../cli/run.js';
import { framesOf } from '../../cli/frames.js';
import { NamespaceBench } from './namespace-bench.js';
import { type NetworkNamespace } from './network-namespace.js';
import { PacketCapture } from './packet-capture.js';
import { requirements } from './requirements.js';
import { underlay, UNDERLAY_DEVICE } from './underlay.js';
import { until } from './until.js';
import { UpNode } from './up-node.js';

const TRANSCRIPT = process.env['VTEP_TRANSCRIPT'];
const DATA_PORT = 4790;
const DATA_DEVICE = 'd0';
const OUTSIDE_DEVICE = 'o0';
const PUBLISHED = 8080;
const ESP = 50;
const UDP = 17;
/** Offsets in an Ethernet frame with IPv4. */
const PROTOCOL = 23;
const DESTINATION_PORT = 36;

/**
 * Requests a page over and over, each by a connection of its own, until it is told to stop; prints what came of each. It
 * pauses, so that the kernel doesn't use a port again within the two minutes that a load balancer remembers it: such a
 * connection would go to the task that had it before, also if that is drained.
 */
const REQUESTER = `
const { get } = require('node:http');
let stop = false;
const once = () => new Promise((done) => {
  const say = (what) => { console.log(what); done(); };
  get({ host: process.argv[1], port: process.argv[2], agent: false, timeout: 8000 }, (answer) => {
    let text = '';
    answer.on('data', (chunk) => (text += chunk)).on('end', () => say(answer.statusCode + ' ' + text.trim()))
      .on('error', ({ code, message }) => say('error ' + code + ' ' + message));
  }).on('timeout', function () { this.destroy(Object.assign(new Error(), { code: 'timeout' })); })
    .on('error', ({ code, message }) => say('error ' + code + ' ' + message));
});
process.on('SIGTERM', () => (stop = true));
(async () => { for (; !stop; await new Promise((done) => setTimeout(done, 10))) await once(); })();`;

/** Answers that a requester gets after each change, so that it is known to go on. */
const ANSWERS = 10;

const skip = requirements();

describe('services on two nodes', { skip }, () => {
  const folder = scratch();
  const config = join(folder, 'overlay.yaml');
  let bench: NamespaceBench;
  let prefix: string;
  let nodes: readonly [NetworkNamespace, NetworkNamespace];
  let outside: NetworkNamespace;
  let ups: readonly [UpNode, UpNode];
  let busybox: NetworkNamespace;
  const containers = new Map<string, NetworkNamespace>();

  /** Writes to the transcript. */
  function note(text: string): void {
    if (TRANSCRIPT !== undefined) appendFileSync(TRANSCRIPT, `${text.replaceAll(prefix, '').trimEnd()}\n`);
  }

  /** Runs a program in a namespace; the transcript has command and output. */
  function run(namespace: NetworkNamespace, words: readonly string[]): string {
    const output = namespace.call(words);
    note(`${namespace.name}$ ${words.join(' ')}\n${output}`);
    return output;
  }

  async function runVtep(words: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await vtep(words);
    assert.equal(status, 0, stderr);
    return stdout;
  }

  /** A container's namespace. */
  function container(name: string): NetworkNamespace {
    const namespace = containers.get(name) ?? bench.namespace(name);
    containers.set(name, namespace);
    return namespace;
  }

  /** Starts a web server whose page is its name, and waits until it listens. */
  async function serve(name: string): Promise<void> {
    const home = join(folder, name);
    mkdirSync(home);
    writeFileSync(join(home, 'index.html'), `${name}\n`);
    const namespace = container(name);
    namespace.start(['busybox', 'httpd', '-f', '-p', '80', '-h', home]);
    await until(() => namespace.call(['ss', '-H', '-l', '-t', '-n', 'sport = 80']) !== '', `${name} to listen`);
  }

  /** The config's nodes and port. Its networks and services follow. */
  function head(node2: string): string {
    return `port: ${DATA_PORT}
nodes:
  node1: { advertise: 192.168.50.1, vtep: 10.77.0.1 }
  node2: { advertise: 192.168.50.2, vtep: 10.77.0.2${node2} }
`;
  }

  async function reload(text: string): Promise<void> {
    writeFileSync(config, text);
    await Promise.all(ups.map((up) => up.reload()));
  }

  /** The pages that so many requests of busybox's wget get. */
  function pages(client: NetworkNamespace, url: string, times: number): string[] {
    return Array.from({ length: times }, () => run(client, ['busybox', 'wget', '-q', '-O', '-', url]).trim());
  }

  /** The backends of my-web, on each network, as a node's status has them. */
  async function backends(node: string): Promise<readonly Backend[]> {
    const words = ['status', '--socket', join(folder, `${node}.sock`), 'services', '--rows', '0', '--json'];
    const { services } = JSON.parse(await runVtep(words)) as Status;
    return services.rows.flatMap((row) => (row.name === 'my-web' ? row.backends : []));
  }

  /** The addresses that busybox's nslookup prints for a name. */
  function addresses(name: string): string[] {
    const output = run(busybox, ['busybox', 'nslookup', '-type=a', name]);
    const [, answer = ''] = output.split(/^Name:/m, 2);
    return [...output.slice(output.indexOf(answer)).matchAll(/^Address(?: \d+)?: +(\d+\.\d+\.\d+\.\d+)$/gm)]
      .map(([, address]) => address)
      .sort();
  }

  before(async () => {
    bench = new NamespaceBench();
    outside = bench.namespace('outside');
    prefix = outside.name.slice(0, -'outside'.length);
    const [n1, n2] = underlay(bench);
    nodes = [n1.namespace, n2.namespace];
    const data = (i: number): string[] => [`10.77.0.${i}/24`];
    bench.link(nodes[0], { device: DATA_DEVICE, addresses: data(1) }, nodes[1], {
      device: DATA_DEVICE,
      addresses: data(2),
    });
    for (const node of nodes) {
      node.call(['ethtool', '-K', DATA_DEVICE, 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off']);
    }
    bench.link(nodes[0], { device: OUTSIDE_DEVICE, addresses: ['203.0.113.1/24'] }, outside, {
      device: OUTSIDE_DEVICE,
      addresses: ['203.0.113.9/24'],
    });
    busybox = container('my-busybox.1');
    await Promise.all(['my-web.1', 'my-web.2', 'my-web.3', 'my-dnsrr.1', 'my-dnsrr.2'].map(serve));
    const netns = `netns: '${prefix}{{.Task.Name}}'`;
    writeFileSync(
      config,
      `${head('')}networks:
  ingress: { ingress: true }
  my-network: { subnet: 10.0.9.0/24, attachable: true, options: { encrypted: '' } }
services:
  my-web: { networks: [my-network], ports: ['${PUBLISHED}:80'], replicas: 3, ${netns} }
  my-busybox: { networks: [my-network], mode: dnsrr, ${netns} }
  my-dnsrr: { networks: [my-network], mode: dnsrr, replicas: 2, ${netns} }
`,
    );
    const ring = join(folder, 'ring.yaml');
    await runVtep(['keys', 'generate', '-o', ring]);
    note(`$ vtep network plan --config overlay.yaml\n${await runVtep(['network', 'plan', '--config', config])}`);
    ups = nodes.map(
      (node, i) =>
        new UpNode(node, {
          config,
          node: `node${i + 1}`,
          words: ['--ring', ring, '--status', join(folder, `node${i + 1}.sock`)],
        }),
    ) as [UpNode, UpNode];
    await Promise.all(ups.map((up) => up.start()));
    note(`$ vtep up --config overlay.yaml --node node1 --ring ring.yaml\n${ups[0].said}`);
  });
  after(() => bench.close());

  test('names: the service is its VIP, tasks.SERVICE its tasks, a DNSRR service its tasks', () => {
    assert.deepEqual(addresses('my-web'), ['10.0.9.2']);
    assert.deepEqual(addresses('tasks.my-web'), ['10.0.9.3', '10.0.9.4', '10.0.9.5']);
    assert.deepEqual(addresses('my-dnsrr'), ['10.0.9.10', '10.0.9.9']);
    assert.deepEqual(addresses('my-web.my-network'), ['10.0.9.2']);
    assert.deepEqual(addresses('my-web.2'), ['10.0.9.4']);
  });

  test('wget my-web: each request to the next task, on both nodes', () => {
    const got = pages(busybox, 'http://my-web/', 6);
    assert.deepEqual(got, ['my-web.3', 'my-web.2', 'my-web.1', 'my-web.3', 'my-web.2', 'my-web.1']);
    assert.ok(['my-dnsrr.1', 'my-dnsrr.2'].includes(pages(busybox, 'http://my-dnsrr/', 1)[0]));
  });

  test('the data-path address and port carry the overlay, encrypted where the network is', async () => {
    const data = join(folder, 'data.pcap');
    const captures = [
      await PacketCapture.start(nodes[0], DATA_DEVICE, data),
      await PacketCapture.start(nodes[0], UNDERLAY_DEVICE, join(folder, 'control.pcap'), 'udp or esp'),
    ];
    assert.equal(pages(busybox, 'http://tasks.my-web/', 3).length, 3);
    assert.equal(pages(busybox, 'http://my-web/', 3).length, 3);
    assert.equal(pages(outside, `http://203.0.113.1:${PUBLISHED}/`, 3).length, 3);
    const [, control] = [await captures[0].stop(), await captures[1].stop()];
    assert.equal(control, 0, 'nothing of the overlay on the advertise addresses');
    const frames = (await framesOf(data)).map(({ hex }) => Buffer.from(hex, 'hex'));
    const sealed = frames.filter((frame) => frame[PROTOCOL] === ESP);
    const clear = frames.filter(
      (frame) => frame[PROTOCOL] === UDP && frame.readUInt16BE(DESTINATION_PORT) === DATA_PORT,
    );
    assert.ok(sealed.length > 0 && clear.length > 0, `${sealed.length} sealed, ${clear.length} clear`);
    // Of the clear ones, all are of the ingress network: VNI 4096.
    assert.ok(clear.every((frame) => frame.readUIntBE(46, 3) === 4096));
  });

  test('a published port of one node reaches the tasks of both, from outside', () => {
    const got = pages(outside, `http://203.0.113.1:${PUBLISHED}/`, 6);
    assert.deepEqual([...new Set(got)].sort(), ['my-web.1', 'my-web.2', 'my-web.3']);
    for (const name of new Set(got)) assert.equal(got.filter((one) => one === name).length, 2);
    // From a node itself, as from its own containers.
    assert.match(pages(nodes[1], `http://127.0.0.1:${PUBLISHED}/`, 1)[0], /^my-web\.[123]$/);
  });

  test('scaled to 5: the new tasks get names, addresses and requests, and nothing is renumbered', async () => {
    const pinned = await runVtep(['network', 'plan', '--config', config, '--pin']);
    await Promise.all(['my-web.4', 'my-web.5'].map(serve));
    await reload(head('') + pinned.replace('replicas: 3', 'replicas: 5'));
    note('$ vtep network plan --pin; replicas: 5; kill -HUP');
    const found = addresses('tasks.my-web');
    assert.equal(found.length, 5);
    for (const before of ['10.0.9.3', '10.0.9.4', '10.0.9.5']) assert.ok(found.includes(before));
    const got = pages(busybox, 'http://my-web/', 5);
    assert.equal(new Set(got).size, 5);
    assert.equal(new Set(pages(outside, `http://203.0.113.1:${PUBLISHED}/`, 5)).size, 5);
  });

  test('node2 is drained while requests go on, and none of them fails', async () => {
    const pinned = await runVtep(['network', 'plan', '--config', config, '--pin']);
    const start = (from: NetworkNamespace, host: string, port: number): ReturnType<NetworkNamespace['start']> =>
      from.start([process.execPath, '-e', REQUESTER, host, String(port)]);
    const requesters = [start(busybox, 'my-web', 80), start(outside, '203.0.113.1', PUBLISHED)];
    for (const requester of requesters) {
      for (let slot = 1; slot <= 5; slot++) await requester.line('stdout', new RegExp(`^200 my-web\\.${slot}$`));
    }
    // The tasks that take over on node1.
    await Promise.all(['my-web.6', 'my-web.7', 'my-dnsrr.3'].map(serve));
    await reload(head(', availability: drain') + pinned);
    note('$ node2: availability: drain; kill -HUP');
    const own = await backends('node1');
    note(await runVtep(['status', '--socket', join(folder, 'node1.sock'), 'services', '--rows', '0']));
    const weights = own.map(({ node, weight }) => `${node} ${weight}`);
    assert.deepEqual([...new Set(weights)].sort(), ['node1 1', 'node2 0']);
    // Its tasks end once they have no connections any more.
    await until(
      async () => (await backends('node1')).every(({ weight, active }) => weight > 0 || active === 0),
      'the connections to the tasks of node2 to end',
    );
    const drained = await runVtep(['network', 'plan', '--config', config, '--pin']);
    const gone = drained.replace(
      /^ {6}- slot: \d+\n {8}node: node2\n(?: {8}\w+: \w+\n)*(?: {8}ip:\n(?: {10}.*\n)+)/gm,
      '',
    );
    await reload(head(', availability: drain') + gone);
    const counts: Record<string, number>[] = [];
    for (const requester of requesters) {
      const so = lines(requester.stdout).length;
      await requester.until(() => lines(requester.stdout).length >= so + ANSWERS, 'further answers');
      const count: Record<string, number> = {};
      for (const line of lines((await requester.stop()).stdout)) count[line] = (count[line] ?? 0) + 1;
      counts.push(count);
    }
    note(`requests by answer: ${JSON.stringify(counts)}`);
    for (const count of counts) {
      const failed = Object.entries(count).filter(([answer]) => !/^200 my-web\.\d$/.test(answer));
      assert.deepEqual(failed, []);
    }
    assert.equal(addresses('tasks.my-web').length, 5);
    assert.deepEqual(
      pages(busybox, 'http://my-web/', 5).sort(),
      ['1', '3', '5', '6', '7'].map((slot) => `my-web.${slot}`),
    );
  });

  test('at the end nothing of it is left in the host', async () => {
    for (const up of ups) {
      const report = await up.stop();
      assert.equal(report.framesWithoutPort, 0);
    }
    for (const node of nodes) {
      assert.equal(node.call(['nft', 'list', 'ruleset']), '');
      assert.doesNotMatch(node.ip('-br link'), /docker_gwbridge/);
    }
  });
});

/** Whole lines. */
function lines(text: string): readonly string[] {
  return text.split('\n').slice(0, -1);
}

interface Backend {
  readonly node: string;
  readonly weight: number;
  readonly active: number;
}

interface Status {
  readonly services: { readonly rows: readonly { readonly name: string; readonly backends: readonly Backend[] }[] };
}
