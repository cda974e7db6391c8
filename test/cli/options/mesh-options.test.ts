/** The options of the HTTP routing mesh. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultsOf } from '../../../src/cli/options/declared.js';
import { MESH_OPTIONS, meshOf } from '../../../src/cli/options/mesh-options.js';
import { UsageError } from '../../../src/cli/usage-error.js';
import { DEFAULT_MESH } from '../../../src/overlay/index.js';
import { scratch } from '../run.js';

const NONE = defaultsOf(MESH_OPTIONS);
const mesh = join(scratch(), 'mesh.yaml');

test('without options, they describe no mesh', async () => {
  assert.equal(await meshOf(NONE), undefined);
});

test('a file has the settings, which the other options change', async () => {
  writeFileSync(mesh, 'http: [8080]\nlog: a.jsonl\n');
  assert.deepEqual(await meshOf({ ...NONE, mesh }), { ...DEFAULT_MESH, http: [8080], log: 'a.jsonl' });
  assert.deepEqual(await meshOf({ mesh, meshDebug: true, meshLog: '-' }), {
    ...DEFAULT_MESH,
    http: [8080],
    debug: true,
    log: '-',
  });
});

test("without a file, they change the config's mesh, or else the default", async () => {
  const configured = { ...DEFAULT_MESH, http: [8080] };
  assert.deepEqual(await meshOf({ ...NONE, meshDebug: true }, configured), { ...configured, debug: true });
  assert.deepEqual(await meshOf({ ...NONE, meshLog: 'b' }), { ...DEFAULT_MESH, log: 'b' });
});

test('an error has the name of the file, and the line', async () => {
  writeFileSync(mesh, 'http: [8080]\nlisten: here\n');
  await assert.rejects(meshOf({ ...NONE, mesh }), (error) => {
    assert.ok(error instanceof UsageError);
    assert.ok(error.message.startsWith(`${mesh}:2:9: listen: `), error.message);
    return true;
  });
  await assert.rejects(meshOf({ ...NONE, mesh: `${mesh}.none` }), UsageError);
});
