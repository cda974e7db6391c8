/** The capabilities that the deployments give a node are those that it needs. */
import assert from 'node:assert/strict';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { MAIN, scratch, vtep } from '../cli/run.js';
import { NamespaceBench } from '../live/namespaces/namespace-bench.js';
import { type Ended } from '../live/namespaces/namespace-process.js';
import { type NetworkNamespace } from '../live/namespaces/network-namespace.js';
import { requirements } from '../live/namespaces/requirements.js';
import { underlay } from '../live/namespaces/underlay.js';
import { unitCapabilities } from './deployment.js';

/** A user without a name or files. */
const USER = 61_234;
const LONG_MS = 60_000;

describe('capabilities of a deployed node', { skip: requirements() }, () => {
  const folder = scratch();
  const own = unitCapabilities('vtep.service');
  const withNamespaces = unitCapabilities('vtep.service', 'vtep-netns.conf');
  let bench: NamespaceBench;
  let host: NetworkNamespace;
  let container: NetworkNamespace;

  before(async () => {
    bench = new NamespaceBench();
    [{ namespace: host }] = underlay(bench);
    container = bench.namespace('c');
    mkdirSync(join(folder, 'state'));
    await vtep(['keys', 'generate', '-o', join(folder, 'ring.yaml')]);
    for (const path of ['.', 'ring.yaml', 'state']) chownSync(join(folder, path), USER, USER);
  });
  after(() => bench.close());

  /** Runs an encrypted network's node for a moment, as a user with only these capabilities, as systemd gives them. */
  async function runWith(capabilities: readonly string[], inNamespace: boolean): Promise<Ended> {
    const config = join(folder, 'overlay.yaml');
    writeFileSync(
      config,
      `nodes:
  node1: { vtep: 192.168.50.1 }
  node2: { vtep: 192.168.50.2 }
networks:
  web: { subnet: 10.0.9.0/24, options: { encrypted: '' } }
services:
  c: { networks: [web], mode: dnsrr${inNamespace ? `, netns: ${container.name}` : ''} }
`,
    );
    const set = ['-all', ...capabilities.map((name) => `+${name.toLowerCase()}`)].join(',');
    const user = ['--reuid', String(USER), '--regid', String(USER), '--clear-groups', '--no-new-privs'];
    const sets = ['bounding-set', 'inh-caps', 'ambient-caps'].map((name) => `--${name}=${set}`);
    const up = ['up', '--config', config, '--node', 'node1', '--ring', join(folder, 'ring.yaml'), '--for', '0.5'];
    const files = ['--state', join(folder, 'state/sequences'), '--status', join(folder, 'status')];
    return host.start(['setpriv', ...user, ...sets, process.execPath, MAIN, ...up, ...files]).end(LONG_MS);
  }

  test("the unit's are enough for TAP devices and ESP, and neither can be left out", async () => {
    const { status, stderr } = await runWith(own, false);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /raw sockets/);
    assert.match(stderr, /endpoint c\.1@web/);
    for (const name of own) {
      const without = await runWith(
        own.filter((other) => other !== name),
        false,
      );
      assert.equal(without.status, 2, `without ${name}`);
      assert.match(without.stderr, /EPERM/);
    }
  });

  test("the drop-in's are enough for an endpoint and DNS in a namespace, and neither can be left out", async () => {
    const { status, stderr } = await runWith(withNamespaces, true);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /DNS at 127\.0\.0\.11 in 1 network namespace/);
    assert.doesNotMatch(stderr, /EPERM|EACCES/);
    for (const name of withNamespaces.filter((other) => !own.includes(other))) {
      const without = await runWith(
        withNamespaces.filter((other) => other !== name),
        true,
      );
      assert.match(without.stderr, /EPERM|EACCES/, `without ${name}`);
    }
  });
});
