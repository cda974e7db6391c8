import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import * as nativeFree from '../../native-free/index.js';
import { MemoryReader, openCapture, Survey } from '../../native-free/index.js';
import * as aead from '../../src/aead/index.js';
import * as capture from '../../src/capture/index.js';
import * as dataplane from '../../src/dataplane/index.js';
import * as fragment from '../../src/fragment/index.js';
import * as inspect from '../../src/inspect/index.js';
import * as ipsec from '../../src/ipsec/index.js';
import * as memory from '../../src/memory/index.js';
import * as files from '../../src/overlay/files.js';
import * as overlay from '../../src/overlay/index.js';
import * as wire from '../../src/wire/index.js';
import { fixture, ROOT } from '../repository.js';

/** The parts of the lower layers that need Node: native and library ciphers, and files. */
const OF_NODE = [
  'AEAD_BACKENDS',
  'chooseAead',
  'closeShared',
  'hkdfSha256',
  'ipsecMbBackend',
  'IterableReader',
  'nodeBackend',
  'openBytes',
  'openCaptureFile',
  'openCaptureInput',
  'openCaptureStream',
  'openShared',
  'opensslBackend',
  'OutputFile',
  'readShared',
  'RotatingFiles',
  'StreamReader',
];

describe('native-free', () => {
  test('exports everything from the layers up to inspect, except what needs Node', () => {
    const floors = [aead, capture, dataplane, fragment, inspect, ipsec, memory, files, overlay, wire];
    const names = floors.flatMap((floor) => Object.keys(floor));
    const absent = names.filter((name) => !Object.hasOwn(nativeFree, name));
    assert.deepEqual(absent.sort(), [...OF_NODE].sort());
  });

  test('imports no node: module, and no package but buffer-layout, node-forge, yaml and zod', () => {
    const seen = new Set<string>();
    const outside = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const [, name] of readFileSync(file, 'utf8').matchAll(
        /^(?:import\b|export (?:type )?[{*]|\}).*?'([^']+)';$/gm,
      )) {
        if (name.startsWith('.')) visit(join(dirname(file), name));
        else outside.add(name);
      }
    };
    visit(join(ROOT, 'dist/native-free/index.js'));
    assert.ok(seen.size > 30);
    const packages = [...outside].map((name) => name.split('/')[0]);
    assert.deepEqual([...new Set(packages)].sort(), ['buffer-layout', 'node-forge', 'yaml', 'zod']);
  });

  test('surveys a capture in memory', async () => {
    const source = await openCapture(new MemoryReader(readFileSync(fixture('docker/03-vip-http.underlay.pcap'))));
    const survey = new Survey();
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) survey.addBatch(batch);
    const { networks, packets } = survey.report(source);
    assert.equal(packets, 417);
    assert.deepEqual(
      networks.map(({ vni, frames }) => [vni, frames]),
      [[4097, 181]],
    );
  });
});
