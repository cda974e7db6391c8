import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ConfigLoader, type LoaderValues } from '../../../src/cli/live/config-loader.js';
import { parsePrefix } from '../../../src/overlay/index.js';
import { scratch } from '../run.js';

const NONE: LoaderValues = {
  ...{ config: undefined, ring: undefined, member: undefined, mesh: undefined },
  ...{ vtep: [], docker: [], fdb: [], neigh: [], swarm: [] },
};

describe('reading what a node follows in a thread', () => {
  const folder = scratch();
  const mesh = join(folder, 'mesh.yaml');
  const config = join(folder, 'swarm.yaml');
  writeFileSync(config, 'nodes: { node1: { vtep: 192.0.2.1 } }\nnetworks: {}\n');

  test('gives the settings of --mesh, with a config or without', async () => {
    writeFileSync(mesh, 'http: [8080]\ntrusted: [10.0.0.0/8]\n');
    const both = await new ConfigLoader({ ...NONE, config, mesh }).load();
    assert.deepEqual([both.topology?.nodes[0].name, both.mesh?.http], ['node1', [8080]]);
    const { topology, mesh: settings } = await new ConfigLoader({ ...NONE, mesh }).load();
    assert.equal(topology, undefined);
    assert.deepEqual(settings?.trusted, [parsePrefix('10.0.0.0/8')]);
  });

  test('reads what is there when it is asked, also in a thread that was started ahead', async () => {
    const loader = new ConfigLoader({ ...NONE, mesh });
    writeFileSync(mesh, 'http: [8081]\n');
    loader.startAhead();
    loader.startAhead();
    writeFileSync(mesh, 'http: [8082]\n');
    assert.deepEqual((await loader.load()).mesh?.http, [8082]);
    writeFileSync(mesh, 'http: [8083]\n');
    assert.deepEqual((await loader.load()).mesh?.http, [8083]);
    loader.startAhead();
    loader.close();
    assert.equal(await loader.ended(60_000), true);
    // Nothing keeps the process from ending.
    loader.startAhead();
  });

  test('refuses a wrong file of --mesh with its name', async () => {
    writeFileSync(mesh, 'htp: [8080]\n');
    await assert.rejects(new ConfigLoader({ ...NONE, config, mesh }).load(), /mesh\.yaml.*htp/);
  });
});
