/** The inputs of public threads, as their authors pasted them, and what doctor says of each. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type DoctorResult, FINDINGS, Severity } from '../../src/doctor/index.js';
import { ENGINE_FINDINGS } from '../../src/doctor/findings/engine/index.js';
import { FIREWALL_FINDINGS } from '../../src/doctor/findings/firewall/index.js';
import { NETWORK_FINDINGS } from '../../src/doctor/findings/network/index.js';
import { NODE_FINDINGS } from '../../src/doctor/findings/node/index.js';
import { fixture, ROOT } from '../repository.js';
import { examinedFolder } from './examined-folder.js';

/** By folder of fixtures/doctor: the findings that doctor has to report, and how bad each is. It reports no others. */
const EXPECTED: Readonly<Record<string, Readonly<Record<string, Severity>>>> = {
  'moby-30766': { 'unspecified-sa-address': Severity.Error },
  'moby-34763': { 'sa-for-wrong-address': Severity.Error },
  'moby-45635': { 'policy-port-mismatch': Severity.Error },
  'moby-43359': { 'kernel-refuses-sas': Severity.Error },
  'moby-51798': { 'spi-forms-differ': Severity.Error },
  'moby-51672': { 'engine-versions-incompatible': Severity.Error },
  'moby-52005': { 'sa-sequence-near-end': Severity.Error },
  'moby-52005-near': { 'sa-sequence-near-end': Severity.Warning },
  'libnetwork-2661': { 'mtu-too-big-for-underlay': Severity.Error },
  'moby-36689': { 'mtu-too-big-for-underlay': Severity.Error },
  'moby-43673': { 'mtu-too-big-for-underlay': Severity.Error },
  'moby-33133': { 'mtu-too-big-for-underlay': Severity.Error },
  'moby-37855': { 'mtu-smaller-than-fits': Severity.Note },
  'flannel-1781': { 'mtu-too-big-for-underlay': Severity.Error },
  'option-unknown': { 'option-unknown': Severity.Warning },
  'encrypted-false': { 'encrypted-false': Severity.Note },
  'moby-52661': { 'forwarding-entry-missing': Severity.Error },
  'moby-53663': { 'forwarding-entry-learned': Severity.Warning },
  'neighbour-missing': { 'neighbour-missing': Severity.Error },
  'moby-32195': { 'forwarding-entry-duplicated': Severity.Error },
  'moby-31588': { 'forwarding-to-wrong-node': Severity.Error },
  'libnetwork-1904': { 'local-endpoint-with-remote-entry': Severity.Error },
  'moby-34957': { 'bridge-learned-local-mac': Severity.Error },
  'moby-40184': { 'peers-differ': Severity.Warning },
  'moby-47125': { 'ipv6-neighbours-missing': Severity.Warning },
  'moby-24186': { 'network-not-in-use': Severity.Note },
  'moby-32738': { 'vip-is-task-address': Severity.Error },
  'moby-36797': { 'backend-not-a-task': Severity.Error },
  'virtual-server-without-backends': { 'virtual-server-without-backends': Severity.Error },
  'ipvs-timeout-short': { 'ipvs-timeout-short': Severity.Warning },
  'moby-41691': { 'ipv6-data-path': Severity.Error },
  'cilium-33881': { 'xfrm-integrity-counted': Severity.Error },
  'rancher-9377': { 'xfrm-sequence-counted': Severity.Error },
  'cilium-44335': { 'xfrm-unknown-spi-counted': Severity.Warning },
  'xfrm-other-errors-counted': { 'xfrm-other-errors-counted': Severity.Warning },
  'xfrm-out-sequence-counted': { 'xfrm-out-sequence-counted': Severity.Error },
  'xfrm-out-without-sa': { 'xfrm-out-without-sa': Severity.Error },
  'cilium-44428': { 'xfrm-policy-counted': Severity.Error },
  'moby-25608': { 'node-behind-in-rotation': Severity.Error },
  'moby-26523-dumps': { 'peer-without-sas': Severity.Error },
  'policy-missing': { 'policy-missing': Severity.Error },
  'policy-without-sa': { 'policy-without-sa': Severity.Error },
  'sa-acquire': { 'sa-acquire': Severity.Error },
  'sa-algorithms-differ': { 'sa-algorithms-differ': Severity.Error },
  'sa-keys-differ': { 'sa-keys-differ': Severity.Error },
  'sa-integrity-errors': { 'sa-integrity-errors': Severity.Error },
  'sa-replay-errors': { 'sa-replay-errors': Severity.Warning },
  'moby-33795': { 'address-duplicated': Severity.Error },
  'network-settings-differ': { 'network-settings-differ': Severity.Error },
  'node-not-among-peers': { 'node-not-among-peers': Severity.Warning },
  'vni-used-twice': { 'vni-used-twice': Severity.Error },
  'vxlan-device-without-proxy': { 'vxlan-device-without-proxy': Severity.Error },
  'vxlan-port-mismatch': { 'vxlan-port-mismatch': Severity.Error },
  'for-linux-91': { 'esp-blocked': Severity.Error },
  'docs-8640': { 'vxlan-blocked': Severity.Error },
  'gossip-blocked': { 'gossip-blocked': Severity.Error },
  'management-port-blocked': { 'management-port-blocked': Severity.Error },
  'encryption-rules-missing': { 'encryption-rules-missing': Severity.Error },
  'overlay-traffic-translated': { 'overlay-traffic-translated': Severity.Error },
  'swarm-connection-unanswered': { 'swarm-connection-unanswered': Severity.Warning },
  'engine-warnings': { 'engine-warnings': Severity.Error },
  'store-not-synced': { 'store-not-synced': Severity.Warning },
  'swarms-differ': { 'swarms-differ': Severity.Error },
  'swarm-not-active': { 'swarm-not-active': Severity.Error },
  'conntrack-table-full': { 'conntrack-table-full': Severity.Error },
  'moby-43382': { 'encryption-match-missing': Severity.Error },
  'gossip-keys-logged': { 'gossip-keys-logged': Severity.Error },
  'moby-35807': { 'neighbour-table-full': Severity.Error },
  'peer-entry-refused': { 'peer-entry-refused': Severity.Error },
  'libnetwork-1765': { 'vxlan-device-exists': Severity.Error },
  'vtep-drops': { 'vtep-drops': Severity.Error },
  'vtep-gossip-trouble': { 'vtep-gossip-trouble': Severity.Error },
  'vtep-refused-packets': { 'vtep-refused-packets': Severity.Error },
  'vtep-silent-peers': { 'vtep-silent-peers': Severity.Error },
  'vtep-swarm-problem': { 'vtep-swarm-problem': Severity.Error },
  'moby-30766-clear': { 'clear-vxlan-on-encrypted-network': Severity.Error },
  'moby-37115': { 'nat-between-nodes': Severity.Error },
  'moby-30727': { 'one-sided-esp': Severity.Warning },
  'moby-26523': { 'esp-blocked-between-captures': Severity.Error },
  'flannel-2388': { 'vxlan-port-taken': Severity.Error },
  'moby-24906': { 'mtu-too-big': Severity.Warning },
  'moby-41775': { 'checksum-offload-on': Severity.Error },
  'calico-4727': { 'checksum-broken-by-offload': Severity.Error },
  'moby-53004': { 'frames-from-other-vtep': Severity.Error },
  'libnetwork-358': { 'wrong-port': Severity.Note },
};

/** The document that shows them. */
const DOCUMENT = readFileSync(join(ROOT, 'docs/doctor-threads.md'), 'utf8');

/** A text as a cell of a table in Markdown has it. */
function inCell(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}

const results = new Map<string, Promise<DoctorResult>>();

/** What doctor says of a folder, which it looks at once. */
function resultOf(name: string): Promise<DoctorResult> {
  const result = results.get(name) ?? examinedFolder(fixture(`doctor/${name}`));
  results.set(name, result);
  return result;
}

/** The row about a folder. */
function rowOf(name: string): string {
  return DOCUMENT.split('\n').find((line) => line.includes(`(../fixtures/doctor/${name})`)) ?? '';
}

describe('what people pasted', () => {
  for (const [name, expected] of Object.entries(EXPECTED)) {
    test(`${name}: ${Object.keys(expected).join(', ')}`, async () => {
      const { found, inputs } = await resultOf(name);
      assert.deepEqual(
        Object.fromEntries(found.map(({ finding, severity }) => [finding.id, severity])),
        expected,
        found.map(({ summary }) => summary).join('\n'),
      );
      assert.deepEqual(
        inputs.flatMap(({ warnings }) => warnings),
        [],
      );
    });

    test(`${name} without the fault`, async () => {
      const { found, consequences, inputs } = await examinedFolder(fixture(`doctor/${name}/clean`));
      assert.deepEqual(
        found.map(({ summary }) => summary),
        [],
      );
      assert.deepEqual(
        consequences.map(({ found: { summary } }) => summary),
        [],
      );
      assert.deepEqual(
        inputs.flatMap(({ warnings }) => warnings),
        [],
      );
    });

    test(`${name} stands in docs/doctor-threads.md as doctor says it`, async () => {
      const { found } = await resultOf(name);
      const row = rowOf(name);
      for (const { summary, advice, commands = [] } of found) {
        assert.ok(row.includes(inCell(summary)), summary);
        for (const text of [...advice.slice(0, 1), ...commands.slice(0, 2)])
          assert.ok(row.includes(inCell(text)), text);
      }
    });
  }
});

describe('the examples', () => {
  test('are all expected to show something', () => {
    const folders = readdirSync(fixture('doctor'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    assert.deepEqual(folders.map(({ name }) => name).sort(), Object.keys(EXPECTED).sort());
  });

  test('show each finding from dumps, tables, rules and logs', () => {
    const shown = new Set(Object.values(EXPECTED).flatMap((expected) => Object.keys(expected)));
    const all = [...NODE_FINDINGS, ...NETWORK_FINDINGS, ...FIREWALL_FINDINGS, ...ENGINE_FINDINGS];
    assert.deepEqual(
      all.map(({ id }) => id).filter((id) => !shown.has(id)),
      [],
    );
    const ids = new Set(FINDINGS.map(({ id }) => id));
    assert.deepEqual(
      [...shown].filter((id) => !ids.has(id)),
      [],
    );
  });

  test('show the highest severity of each finding somewhere', () => {
    const severities = Object.values(EXPECTED).flatMap((expected) => Object.entries(expected));
    const missing = [...NODE_FINDINGS, ...NETWORK_FINDINGS, ...FIREWALL_FINDINGS, ...ENGINE_FINDINGS].filter(
      ({ id, severity }) => !severities.some((one) => one[0] === id && one[1] === severity),
    );
    assert.deepEqual(
      missing.map(({ id }) => id),
      [],
    );
  });
});
