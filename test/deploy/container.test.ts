/** The image of docs/deploy, run as compose.yaml says, is a node of a real swarm. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { scratch } from '../cli/run.js';
import { type DockerEngine, engineRequirements } from '../join/docker-engine.js';
import { type NetworkNamespace } from '../live/namespaces/network-namespace.js';
import { BOX, DockerSwarmLab, STOPS_AT_ONCE } from '../swarm/docker/docker-swarm-lab.js';
import { eventually } from '../swarm/docker/eventually.js';
import { buildImage } from './deployed-image.js';
import { compose } from './deployment.js';

const MANAGER = '192.168.84.1';
const NETWORK = 'web';
const CONTAINER = 'vtep';
/** Linux's numbers of the capabilities in compose.yaml. */
const CAPABILITY_BITS: Readonly<Record<string, number>> = { NET_ADMIN: 12, NET_RAW: 13 };

const { image, command, network_mode, cap_drop, cap_add, devices, security_opt, tmpfs, volumes, secrets } =
  compose().services.vtep;

/**
 * The options of `docker run` that say what compose.yaml says.
 * @param secretFile the secrets' path on the host; undefined for none
 */
function runOptions(secretFile: string | undefined): string[] {
  return [
    ...['--network', network_mode, '--read-only'],
    ...cap_drop.flatMap((name) => ['--cap-drop', name]),
    ...cap_add.flatMap((name) => ['--cap-add', name]),
    ...devices.flatMap((path) => ['--device', path]),
    ...security_opt.flatMap((option) => ['--security-opt', option]),
    ...tmpfs.flatMap((path) => ['--tmpfs', path]),
    ...volumes.flatMap((volume) => ['--volume', volume]),
    ...(secretFile === undefined
      ? []
      : secrets.flatMap((name) => ['--volume', `${secretFile}:/run/secrets/${name}:ro`])),
  ];
}

describe('the image, run as compose.yaml says', { skip: engineRequirements() }, () => {
  const folder = scratch();
  const lab = new DockerSwarmLab('192.168.84');
  let manager: DockerEngine;
  let engine: DockerEngine;
  let host: NetworkNamespace;
  let interfaceName: string;

  const log = (): string => engine.output(['logs', CONTAINER]);

  before(async () => {
    [manager] = await lab.startSwarm(1);
    manager.docker(`network create --driver overlay --attachable --subnet 10.79.0.0/24 ${NETWORK}`);
    manager.client(['run', '--detach', '--name', 'c1', '--network', NETWORK, ...STOPS_AT_ONCE, BOX, 'sleep', '1000']);
    writeFileSync(join(folder, 'token'), manager.docker('swarm join-token -q worker'), { mode: 0o400 });
    ({ namespace: host } = lab.host('host'));
    // Images are large, and the engine's best way of storing them copies nothing.
    engine = await lab.startEngine(host, { hostname: 'probe-1', storageDriver: undefined });
    buildImage(engine, image, folder);
  });
  after(() => lab.close());

  test('it joins, with its capabilities and no others', async () => {
    const options = runOptions(join(folder, 'token'));
    const words = command.map((word) => (word === '192.168.50.1' ? MANAGER : word));
    engine.client(['run', '--detach', '--name', CONTAINER, ...options, image, ...words]);
    await eventually(log, (text) => /attached web: /.test(text), 'an attachment');
    const node = (): string => manager.docker('node ls --filter name=probe-1 --format {{.Status}}');
    await eventually(node, (text) => text === 'Ready', 'a node that is ready');
    interfaceName = /attached web: (\S+),/.exec(log())?.[1] ?? '';
    const pid = engine.docker(`inspect --format {{.State.Pid}} ${CONTAINER}`);
    const bits = cap_add.reduce((sum, name) => sum + 2 ** (CAPABILITY_BITS[name] ?? NaN), 0);
    const effective = /^CapEff:\s*([\da-f]+)$/m.exec(host.call(['cat', `/proc/${pid}/status`]))?.[1];
    assert.equal(parseInt(effective ?? '', 16), bits);
  });

  test('the host and a container of the swarm ping each other', async () => {
    const address = /inet (\S+)\//.exec(host.ip(`-o -4 addr show dev ${interfaceName}`))?.[1] ?? '';
    const there = manager.docker(`inspect --format {{.NetworkSettings.Networks.${NETWORK}.IPAddress}} c1`);
    await eventually(
      () => host.call(['ping', '-c', '1', '-W', '1', there]),
      () => true,
      'a ping of the container',
    );
    await eventually(
      () => manager.docker(`exec c1 ping -c 1 -W 1 ${address}`),
      () => true,
      'a ping of the host',
    );
  });

  test('the health check of compose.yaml passes', () => {
    const [kind, ...words] = compose().services.vtep.healthcheck.test;
    assert.equal(kind, 'CMD');
    assert.match(engine.client(['exec', CONTAINER, ...words]), /attached/);
  });

  test('after an upgrade without the token it is the same node', async () => {
    const nodeId = /as node (\w+)/.exec(log())?.[1];
    engine.docker(`stop --time 20 ${CONTAINER}`);
    assert.match(log(), /detached web: /);
    assert.equal(engine.docker(`inspect --format {{.State.ExitCode}} ${CONTAINER}`), '0');
    engine.docker(`rm ${CONTAINER}`);
    const options = runOptions(undefined);
    const token = command.indexOf('--token-file');
    const words = command.filter((_, i) => i !== 1 && i !== token && i !== token + 1);
    engine.client(['run', '--detach', '--name', CONTAINER, ...options, image, ...words]);
    await eventually(log, (text) => /attached web: /.test(text), 'an attachment');
    assert.equal(/as node (\w+)/.exec(log())?.[1], nodeId);
    engine.docker(`stop --time 20 ${CONTAINER}`);
  });
});
