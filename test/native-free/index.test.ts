import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { MemoryReader, openCapture, Survey } from '../../native-free/index.js';
import { fixture, ROOT } from '../repository.js';

describe('native-free', () => {
  test('imports no node: module, and nothing from outside but buffer-layout, node-forge, yaml and zod', () => {
    const seen = new Set<string>();
    const outside = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const [, name] of readFileSync(file, 'utf8').matchAll(/^(?:import|export|\}).*?'([^']+)';$/gm)) {
        if (name.startsWith('.')) visit(join(dirname(file), name));
        else outside.add(name);
      }
    };
    visit(join(ROOT, 'dist/native-free/index.js'));
    assert.ok(seen.size > 30);
    const packages = [...outside].map((name) => name.split('/')[0]);
    assert.deepEqual([...new Set(packages)].sort(), ['buffer-layout', 'node-forge', 'yaml', 'zod']);
  });

  test('surveys a capture that is bytes in memory', async () => {
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
