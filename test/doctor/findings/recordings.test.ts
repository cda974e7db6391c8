/** Real recordings: no error where nothing is wrong, and what is there where something is. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type Diagnosis, type Finding, Severity } from '../../../src/doctor/finding.js';
import { ESP_FINDINGS } from '../../../src/doctor/findings/esp/index.js';
import { GOSSIP_FINDINGS } from '../../../src/doctor/findings/gossip/index.js';
import { TRAFFIC_FINDINGS } from '../../../src/doctor/findings/traffic/index.js';
import { WIRE_FINDINGS } from '../../../src/doctor/findings/wire/index.js';
import { fixture } from '../../repository.js';
import { swarmKeys } from '../../inspect/gossip/recorded.js';
import { keysFor } from '../capture/keys.js';
import { diagnosed, evidenceOf, recorded } from '../capture/packets.js';

const FINDINGS: readonly Finding[] = [...WIRE_FINDINGS, ...ESP_FINDINGS, ...TRAFFIC_FINDINGS, ...GOSSIP_FINDINGS];

/** Recordings in which something is wrong, with what doctor says of it. */
const FAULTY: Readonly<Record<string, readonly string[]>> = {
  'esp/04-esp-wrong-key.underlay.pcap': ['icv-invalid'],
  'esp/16-vxlan-frag-reorder-dup-loss.underlay.pcap': ['mtu-too-big', 'fragments-lost'],
};

/** Findings that a recording must have, at whatever severity. */
const EXPECTED: Readonly<Record<string, string>> = {
  'esp/09-esp-frag-1500.underlay.pcap': 'mtu-too-big',
  'vxlan/30-outerfrag-1500-icmp.underlay.pcap': 'mtu-too-big',
  'vxlan/40-routed-router-frag.underlay-n2.pcap': 'mtu-too-big',
  'vxlan/60-offload-on-http.underlay.pcap': 'captured-before-offload',
  'vxlan/20-learning-arp-icmp.underlay.pcap': 'arp-in-tunnel',
  'vxlan/10-formats.snap96.pcap': 'capture-truncated',
};

function all(diagnose: (finding: Finding) => readonly Diagnosis[]): { readonly id: string; readonly it: Diagnosis }[] {
  return FINDINGS.flatMap((finding) => diagnose(finding).map((it) => ({ id: finding.id, it })));
}

function errors(found: readonly { readonly id: string; readonly it: Diagnosis }[]): string[] {
  return found.filter(({ it }) => it.severity === Severity.Error).map(({ id, it }) => `${id}: ${it.summary}`);
}

for (const folder of ['vxlan', 'esp', 'docker', 'services', 'gossip']) {
  describe(`recordings in ${folder}/`, () => {
    for (const file of readdirSync(fixture(folder)).filter((name) => /\.pcap(?:ng)?$/.test(name))) {
      const path = `${folder}/${file}`;
      for (const withKeys of [false, true]) {
        const options = withKeys ? keysFor(path) : {};
        if (withKeys && Object.keys(options).length === 0) continue;
        test(`${file}${withKeys ? ' with its keys' : ''}`, async () => {
          const capture = await recorded(path, options);
          const found = all((finding) => diagnosed(finding, capture));
          const ids = found.map(({ id }) => id);
          const expected = EXPECTED[path] as string | undefined;
          if (expected !== undefined) assert.ok(ids.includes(expected), ids.join());
          if (path in FAULTY) {
            if (withKeys || !file.includes('wrong-key'))
              for (const id of FAULTY[path]) assert.ok(ids.includes(id), ids.join());
          } else assert.deepEqual(errors(found), []);
          // A finding never says more than its highest severity.
          const order = [Severity.Note, Severity.Warning, Severity.Error];
          for (const { id, it } of found) {
            const finding = FINDINGS.find((each) => each.id === id);
            assert.ok(order.indexOf(it.severity) <= order.indexOf(finding?.severity ?? Severity.Note), id);
          }
        });
      }
    }
  });
}

describe('two ends of a recording', () => {
  test('before and after a router that fragments: all arrives, and the size is what is said', async () => {
    const ends = ['n1', 'n2'].map((end) => recorded(`vxlan/40-routed-router-frag.underlay-${end}.pcap`));
    const evidence = evidenceOf(await Promise.all(ends));
    const found = all((finding) => [...finding.find(evidence)]);
    assert.deepEqual(errors(found), []);
    assert.ok(found.some(({ id }) => id === 'mtu-too-big'));
  });

  test('all recordings of a swarm at once: no error', async () => {
    const names = ['03-vip-http', '05-ingress', '06-mtu-1300', '07-encrypted', '08-scale-and-attach'];
    const captures = names.map((name) => recorded(`docker/${name}.underlay.pcap`, { gossip: swarmKeys() }));
    const evidence = evidenceOf(await Promise.all(captures));
    assert.deepEqual(errors(all((finding) => [...finding.find(evidence)])), []);
  });
});

describe('every finding', () => {
  test('has an id, texts, and consequences that it is not itself', () => {
    const ids = new Set(FINDINGS.map(({ id }) => id));
    assert.equal(ids.size, FINDINGS.length);
    for (const { id, title, looksAt, fires, means, explains } of FINDINGS) {
      assert.match(id, /^[a-z]+(?:-[a-z]+)*$/);
      for (const text of [title, looksAt, fires, means]) assert.ok(text.length > 10, id);
      assert.ok(!title.endsWith('.'), id);
      assert.ok(!explains.includes(id), id);
      for (const other of explains) assert.ok(ids.has(other), `${id} explains ${other}, which there isn't`);
    }
  });

  test('no two findings explain each other', () => {
    for (const one of FINDINGS) {
      for (const other of FINDINGS) {
        assert.ok(!(one.explains.includes(other.id) && other.explains.includes(one.id)), `${one.id}, ${other.id}`);
      }
    }
  });

  test('says nothing of no evidence', () => {
    for (const finding of FINDINGS) assert.deepEqual([...finding.find(evidenceOf([]))], [], finding.id);
  });
});
