/** Faults of which it is known where they are, and healthy traffic: what doctor finds, and what it doesn't. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Severity } from '../../src/doctor/index.js';
import { FAULTS, type GenerateOptions, TRAFFIC_KINDS } from '../../src/generate/index.js';
import { examine, type Examined } from './examined.js';

const PACKETS = 1500;
const ALL_KINDS = Object.fromEntries(TRAFFIC_KINDS.map((kind) => [kind, 1]));
/** The first nodes that faults are between: the healthy traffic is between node1 and node2. */
const AT_FAULT = ['node3', 'node4'];

/** Findings, reported or explained by another. */
function foundIn({ report }: Examined): Set<string> {
  return new Set([...report.findings, ...report.consequences].map(({ id }) => id));
}

describe('faults that are generated', () => {
  test('are more than twenty-five', () => assert.ok(FAULTS.length > 25));

  for (const { name, needs, twoCaptures } of FAULTS) {
    test(`${name} is found, and nothing else but its consequences is an error`, async () => {
      for (const seed of [1, 2]) {
        const options: GenerateOptions = { packets: PACKETS, seed, faults: [name], encrypted: needs === 'encrypted' };
        const outcome = await examine(options, twoCaptures === true ? AT_FAULT : []);
        assert.ok(outcome.truth.faults.some(({ fault, count }) => fault === name && count > 0));
        const found = foundIn(outcome);
        assert.ok(found.has(name), `found ${[...found].join(', ') || 'nothing'}`);
        const consequences = new Set(outcome.report.consequences.map(({ id, cause }) => (cause === name ? id : cause)));
        const others = outcome.report.findings.filter(
          ({ id, severity }) => severity === Severity.Error && id !== name && !consequences.has(id),
        );
        assert.deepEqual(
          others.map(({ summary }) => summary),
          [],
        );
      }
    });
  }
});

describe('healthy traffic raises nothing:', () => {
  for (const [what, options] of [
    ['clear', {}],
    ['encrypted', { encrypted: true }],
    ['through rotations', { encrypted: true, rotations: 3, duration: 60 }],
    ['three nodes, two networks, all kinds', { nodes: 3, networks: 2, traffic: ALL_KINDS }],
    ['IPv6 in IPv4', { ipv6: true }],
    ['IPv4 in IPv6', { underlayIpv6: true }],
    ['in a VLAN', { vlan: 100 }],
    ['jumbo frames', { mtu: 9000 }],
    ['with a VLAN inside', { innerVlan: 7 }],
  ] as const satisfies readonly (readonly [string, GenerateOptions])[]) {
    test(what, async () => {
      for (const seed of [1, 2, 3]) {
        const { report } = await examine({ packets: PACKETS, seed, ...options });
        assert.deepEqual(
          report.findings.map(({ id, summary }) => `${id}: ${summary}`),
          [],
        );
      }
    });
  }
});
