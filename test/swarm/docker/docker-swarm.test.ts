/**
 * `vtep join` in a swarm of two Docker engines: names, addresses and frames reach each other both ways, through what
 * happens to engines, containers, and vtep itself. `VTEP_TRANSCRIPT=FILE` keeps the commands and what they printed.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { scratch, vtepProcess } from '../../cli/run.js';
import { type DockerEngine, engineRequirements } from '../../join/docker-engine.js';
import { command } from '../../live/namespaces/command.js';
import { type NetworkNamespace } from '../../live/namespaces/network-namespace.js';
import { BOX, DockerSwarmLab, STOPS_AT_ONCE } from './docker-swarm-lab.js';
import { eventually } from './eventually.js';
import { type ForwardingRow, JoinProcess } from './join-process.js';
import { Transcript } from './transcript.js';

const NAME = 'vtep1';
const NETWORK = 'mesh';
const SERVICE = 'web';
const REPLICAS = 3;
/** Containers whose news are timed. */
const TIMED = 3;
/** A web page with the container's name. */
const SERVE = 'mkdir -p /tmp/www; hostname > /tmp/www/index.html; exec httpd -f -p 80 -h /tmp/www';

/** What `docker network inspect --verbose` says. */
interface Inspected {
  readonly Id: string;
  readonly Peers: readonly { readonly Name: string; readonly IP: string }[];
  readonly Services: Readonly<
    Record<
      string,
      {
        readonly Tasks: readonly {
          readonly Name: string;
          readonly EndpointIP: string;
          readonly Info: { readonly 'Host IP': string };
        }[];
      }
    >
  >;
}

/** What `docker service inspect` says. */
interface InspectedService {
  readonly Endpoint: { readonly VirtualIPs: readonly { readonly NetworkID: string; readonly Addr: string }[] };
}

/** The MAC that Docker derives from an IPv4 address. */
function macOf(address: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return ['02', '42', ...bytes].join(':');
}

describe('vtep join in a swarm of two Docker engines', { skip: engineRequirements() }, () => {
  const folder = scratch();
  const tokenFile = join(folder, 'token');
  let lab: DockerSwarmLab;
  let manager: DockerEngine;
  let worker: DockerEngine;
  let probe: NetworkNamespace;
  let node: JoinProcess;
  let transcript: Transcript;
  let nodeId: string;
  /** The endpoint's address. */
  let address: string;
  let vtepHost: string;

  /** Runs the client; the transcript has command and output. */
  function docker(engine: DockerEngine, words: string): string {
    return transcript.ran(engine === manager ? 'node1' : 'node2', `docker ${words}`, engine.docker(words));
  }

  /** Runs a program in the namespace of vtep's endpoint; the transcript has command and output. */
  function inProbe(words: string): string {
    return transcript.ran('probe', words, probe.call(words.split(' ')));
  }

  /** Runs a container. */
  function run(engine: DockerEngine, name: string): void {
    engine.client([
      ...`run --detach --name ${name} --network ${NETWORK}`.split(' '),
      ...STOPS_AT_ONCE,
      BOX,
      'sh',
      '-c',
      SERVE,
    ]);
    transcript.note(
      `${engine === manager ? 'node1' : 'node2'}$ docker run --detach --name ${name} --network ${NETWORK} …`,
    );
  }

  function addressOf(engine: DockerEngine, container: string): string {
    return engine.docker(`inspect --format {{.NetworkSettings.Networks.${NETWORK}.IPAddress}} ${container}`);
  }

  /** Waits until a command succeeds, then runs it for the transcript. */
  async function succeeds(what: string, act: () => string): Promise<void> {
    await eventually(act, () => true, what);
  }

  /** A container and vtep's endpoint ping each other. */
  async function pingBothWays(engine: DockerEngine, container: string): Promise<void> {
    const there = `ping -c 1 -W 2 ${address}`;
    await succeeds(`${container} pings ${NAME}`, () => engine.docker(`exec ${container} ${there}`));
    docker(engine, `exec ${container} ${there}`);
    const back = `ping -c 1 -W 2 ${addressOf(engine, container)}`;
    await succeeds(`${NAME} pings ${container}`, () => probe.call(back.split(' ')));
    inProbe(back);
  }

  /** Addresses of a name, as asked for in the endpoint's namespace; none if it doesn't exist. */
  function resolved(name: string): string[] {
    let output: string;
    try {
      output = probe.call(['busybox', 'nslookup', '-type=a', name]);
    } catch {
      return [];
    }
    const [, answer = ''] = output.split(/^Name:/m, 2);
    return [...output.slice(output.indexOf(answer)).matchAll(/^Address(?: \d+)?: +(\d+\.\d+\.\d+\.\d+)$/gm)]
      .map(([, found]) => found)
      .sort();
  }

  async function forwarding(): Promise<readonly ForwardingRow[]> {
    return (await node.status('forwarding')).forwarding.rows;
  }

  function inspect(engine: DockerEngine): Inspected {
    const [network] = JSON.parse(engine.docker(`network inspect --verbose ${NETWORK}`)) as [Inspected];
    return network;
  }

  /** Node of each endpoint by its address, as an engine shows it. */
  function endpointsByEngine(engine: DockerEngine): Map<string, string> {
    const tasks = Object.values(inspect(engine).Services).flatMap(({ Tasks }) => Tasks);
    return new Map(tasks.map(({ EndpointIP, Info }) => [EndpointIP, Info['Host IP']]));
  }

  /** What the engine's kernel knows in the network's namespace. */
  function kernel(engine: DockerEngine, words: string): string {
    const namespace = engine.namespacePath(`1-${inspect(engine).Id.slice(0, 10)}`);
    return command(['nsenter', `--net=${namespace}`, ...words.split(' ')]);
  }

  async function nodeIs(state: string): Promise<void> {
    const show = `node ls --filter name=${NAME} --format {{.Hostname}}/{{.Status}}/{{.Availability}}`;
    await eventually(
      () => manager.docker(show),
      (text) => text === `${NAME}/${state}/Active`,
      `${NAME} ${state}`,
    );
  }

  before(async () => {
    lab = new DockerSwarmLab('192.168.82');
    [manager, worker] = await lab.startSwarm(2);
    const host = lab.host('vtep');
    vtepHost = host.address;
    probe = lab.bench.namespace('probe');
    const prefix = probe.name.slice(0, -'probe'.length);
    transcript = new Transcript([
      [prefix, ''],
      [folder, '.'],
      [/SWMTKN-[\w-]+/g, 'SWMTKN-…'],
    ]);
    docker(manager, `network create --driver overlay --attachable --subnet 10.77.0.0/24 ${NETWORK}`);
    writeFileSync(tokenFile, manager.docker('swarm join-token -q worker'), { mode: 0o600 });
    node = new JoinProcess(host.namespace, {
      manager: '192.168.82.1',
      name: NAME,
      folder,
      words: ['--attach', NETWORK, '--netns', probe.name, '--device', 'eth0'],
    });
    run(manager, 'c1');
    run(worker, 'c2');
  });
  after(() => lab.close());

  test('docker node ls shows it as a worker that is ready', async () => {
    transcript.head('A node without an engine');
    await node.start(tokenFile);
    transcript.note(`vtep$ vtep ${node.words.join(' ')} --token-file ${tokenFile}\n${node.said}`);
    await nodeIs('Ready');
    docker(manager, 'node ls');
    const { swarm, attachments } = await node.status('swarm', 'attachments');
    ({ nodeId } = swarm);
    address = attachments.rows[0].address.split('/')[0];
    assert.match(address, /^10\.77\.0\.\d+$/);
    assert.equal(manager.docker(`node inspect --format {{.ID}} ${NAME}`), nodeId);
  });

  test('containers of both engines and its endpoint ping each other', async () => {
    transcript.head('Pings');
    await pingBothWays(manager, 'c1');
    await pingBothWays(worker, 'c2');
  });

  test("a container resolves the endpoint's name, and gets a page from it", async () => {
    transcript.head('Names, from containers');
    const home = join(folder, 'www');
    mkdirSync(home);
    writeFileSync(join(home, 'index.html'), 'served without an engine\n');
    probe.start(['busybox', 'httpd', '-f', '-p', '80', '-h', home]);
    for (const [engine, container] of [
      [manager, 'c1'],
      [worker, 'c2'],
    ] as const) {
      const get = `exec ${container} timeout 5 wget -q -O - http://${NAME}/`;
      await succeeds(`${container} gets a page`, () => engine.docker(get));
      assert.match(
        docker(engine, `exec ${container} nslookup -type=a ${NAME}`),
        new RegExp(`^Address: ${address}$`, 'm'),
      );
      assert.equal(docker(engine, get), 'served without an engine');
    }
  });

  test('its endpoint resolves containers, and gets pages from them', async () => {
    transcript.head('Names, from the endpoint');
    for (const [engine, container] of [
      [manager, 'c1'],
      [worker, 'c2'],
    ] as const) {
      await eventually(
        () => resolved(container),
        (found) => found.length === 1,
        `${NAME} resolves ${container}`,
      );
      assert.deepEqual(resolved(container), [addressOf(engine, container)]);
      const page = inProbe(`timeout 5 busybox wget -q -O - http://${container}/`).trim();
      assert.equal(page, engine.docker(`exec ${container} hostname`));
    }
  });

  test("its load balancer spreads requests for a service's virtual IP over all tasks", async () => {
    transcript.head('A service');
    manager.client([
      ...`service create --detach --no-resolve-image --name ${SERVICE} --network ${NETWORK}`.split(' '),
      ...['--replicas', String(REPLICAS), '--restart-delay', '0s', ...STOPS_AT_ONCE, BOX, 'sh', '-c', SERVE],
    ]);
    await eventually(
      () => manager.docker(`service ls --filter name=${SERVICE} --format {{.Replicas}}`),
      (text) => text === `${REPLICAS}/${REPLICAS}`,
      'replicas',
    );
    docker(manager, `service ps --format {{.Name}}\t{{.Node}}\t{{.CurrentState}} ${SERVICE}`);
    await eventually(
      () => resolved(`tasks.${SERVICE}`),
      (found) => found.length === REPLICAS,
      'names of the tasks',
    );
    const id = inspect(manager).Id;
    const [{ Endpoint }] = JSON.parse(manager.docker(`service inspect ${SERVICE}`)) as [InspectedService];
    const vip = Endpoint.VirtualIPs.find(({ NetworkID }) => NetworkID === id);
    assert.deepEqual(resolved(SERVICE), [vip?.Addr.split('/')[0]]);
    inProbe(`busybox nslookup -type=a ${SERVICE}`);
    const pages = Array.from({ length: 2 * REPLICAS }, () =>
      inProbe(`timeout 5 busybox wget -q -O - http://${SERVICE}/`).trim(),
    );
    const counts = new Map<string, number>();
    for (const page of pages) counts.set(page, (counts.get(page) ?? 0) + 1);
    assert.deepEqual(
      [...counts.values()],
      Array.from({ length: REPLICAS }, () => 2),
      pages.join(' '),
    );
  });

  test("both engines' kernels forward to it", async () => {
    transcript.head("Forwarding tables of the engines' kernels");
    for (const engine of [manager, worker]) {
      const fdb = (): string => kernel(engine, 'bridge fdb show dev vxlan0');
      const [{ mac }] = (await node.status('attachments')).attachments.rows;
      const entry = new RegExp(`^${mac} dst ${vtepHost} .*permanent`, 'm');
      await eventually(fdb, (text) => entry.test(text), 'an entry for it');
      transcript.ran(engine === manager ? 'node1' : 'node2', 'bridge fdb show dev vxlan0', fdb());
      assert.match(
        kernel(engine, 'ip neigh show dev vxlan0'),
        new RegExp(`^${address.replaceAll('.', '\\.')} lladdr ${mac} `, 'm'),
      );
    }
  });

  test('docker network inspect --verbose and vtep status show the same endpoints', async () => {
    transcript.head('docker network inspect --verbose, and vtep status');
    const seen = async (): Promise<readonly [string[], string[]]> => {
      const byEngine = [...endpointsByEngine(manager)].map(([ip, host]) => `${macOf(ip)} ${host}`).sort();
      const rows = (await forwarding()).filter(({ mac }) => byEngine.some((text) => text.startsWith(mac)));
      return [byEngine, rows.map(({ mac, vtep }) => `${mac} ${vtep ?? vtepHost}`).sort()];
    };
    await eventually(seen, ([a, b]) => a.join() === b.join() && a.length === REPLICAS + 3, 'the same endpoints');
    assert.equal(endpointsByEngine(manager).get(address), vtepHost);
    assert.ok(inspect(manager).Peers.some(({ IP }) => IP === vtepHost));
    docker(manager, `network inspect --verbose ${NETWORK}`);
    const { status, stdout, stderr } = vtepProcess(['status', '--socket', node.socket]);
    assert.equal(status, 0, stderr);
    transcript.note(`vtep$ vtep status\n${stdout}`);
    assert.ok(stdout.includes(address));
  });

  test('a new container is known here about as soon as at the other engine', async () => {
    transcript.head('Seconds from docker start until a new container is known');
    for (let i = 0; i < TIMED; i++) {
      const name = `timed${i}`;
      const times = await timesUntilKnown(name);
      transcript.note(`${name}: node2 ${times.engine.toFixed(2)}, vtep ${times.vtep.toFixed(2)}`);
      assert.ok(times.vtep < times.engine + 5, JSON.stringify(times));
    }
  });

  /** Starts a container at the manager, and measures until the other engine's kernel and vtep have its entry. */
  async function timesUntilKnown(name: string): Promise<{ readonly engine: number; readonly vtep: number }> {
    manager.client(['create', '--name', name, '--network', NETWORK, ...STOPS_AT_ONCE, BOX, 'sleep', '1000']);
    const before = kernel(worker, 'bridge fdb show dev vxlan0');
    const known = new Set((await forwarding()).map(({ mac }) => mac));
    const began = performance.now();
    const started = manager.begin(['start', name]);
    const since = (): number => (performance.now() - began) / 1000;
    const isNew = (line: string): boolean => line.includes(' dst 192.168.82.1 ') && !before.includes(line.slice(0, 17));
    const at = async (ask: () => boolean | Promise<boolean>): Promise<number> => {
      await eventually(ask, (found) => found, name);
      return since();
    };
    const [engine, vtep] = await Promise.all([
      at(() => kernel(worker, 'bridge fdb show dev vxlan0').split('\n').some(isNew)),
      at(async () => (await forwarding()).some(({ mac, vtep: host }) => host === '192.168.82.1' && !known.has(mac))),
    ]);
    await started;
    return { engine, vtep };
  }

  test('a container that is gone is gone from its tables and its DNS', async () => {
    transcript.head('A container stops');
    const gone = 'timed0';
    const mac = macOf(addressOf(manager, gone));
    assert.ok((await forwarding()).some((row) => row.mac === mac));
    docker(manager, `rm --force ${gone}`);
    await eventually(forwarding, (rows) => !rows.some((row) => row.mac === mac), 'its entry');
    await eventually(
      () => resolved(gone),
      (found) => found.length === 0,
      'its name',
    );
    transcript.note(`vtep's tables and DNS have no ${gone}`);
  });

  test('traffic works again after each engine has restarted', async () => {
    transcript.head('Engines restart');
    for (const [engine, container] of [
      [worker, 'c2'],
      [manager, 'c1'],
    ] as const) {
      await engine.stop();
      await engine.start();
      transcript.note(`${engine === manager ? 'node1' : 'node2'}: dockerd restarted`);
      await eventually(
        () => engine.docker(`start ${container}`),
        () => true,
        `start of ${container}`,
      );
      await pingBothWays(engine, container);
    }
    await nodeIs('Ready');
    await eventually(
      () => resolved(`tasks.${SERVICE}`),
      (found) => found.length === REPLICAS,
      'names of the tasks',
    );
    await succeeds('a page of the service', () =>
      probe.call(['timeout', '5', 'busybox', 'wget', '-q', '-O', '-', `http://${SERVICE}/`]),
    );
    await succeeds('a page for a container', () => worker.docker(`exec c2 timeout 5 wget -q -O - http://${NAME}/`));
  });

  test('killed, it comes back as the same node with the same address', async () => {
    transcript.head('vtep is killed, and starts again');
    await node.kill();
    await node.start();
    transcript.note(`vtep$ kill -KILL, vtep ${node.words.join(' ')}\n${node.said}`);
    const { swarm, attachments } = await node.status('swarm', 'attachments');
    assert.deepEqual([swarm.nodeId, attachments.rows[0].address], [nodeId, `${address}/24`]);
    await pingBothWays(manager, 'c1');
    await pingBothWays(worker, 'c2');
    await nodeIs('Ready');
  });

  test('docker swarm ca --rotate completes', async () => {
    transcript.head('A new root CA');
    docker(manager, 'swarm ca --rotate --quiet');
    transcript.note(await node.says(/new root CA/));
    await nodeIs('Ready');
    await pingBothWays(worker, 'c2');
  });

  test('docker node rm --force ends it with the reason', async () => {
    transcript.head('Removed');
    docker(manager, `node rm --force ${NAME}`);
    const { status, stderr } = await node.end();
    transcript.note(`vtep: ${stderr.trimEnd().split('\n').slice(-3).join('\n')}\nexit status ${status}`);
    assert.equal(status, 2);
    assert.match(stderr, /removed/);
    assert.equal(manager.docker(`node ls --filter name=${NAME} --quiet`), '');
  });
});
