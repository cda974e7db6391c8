/** The collecting script runs in every shell, hides what is secret, and its output is read back. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { diagnose } from '../../../src/doctor/diagnose.js';
import { InputKind } from '../../../src/doctor/evidence/evidence.js';
import { collectScript } from '../../../src/doctor/inputs/collect-script.js';
import { readInputs } from '../../../src/doctor/inputs/read-inputs.js';
import { output } from './sources.js';

const SHELLS: readonly (readonly [command: string, ...arguments_: string[]])[] = [
  ['sh'],
  ['dash'],
  ['busybox', 'sh'],
  ['bash'],
];

/** The shells that are installed. */
const shells = SHELLS.filter(([command]) => spawnSync(command, ['-c', ':']).error === undefined);

function withoutTimes(text: string): string {
  return text.replace(/^#= \S+/gm, '#=');
}

test('every shell accepts the syntax', () => {
  assert.ok(shells.length > 0);
  for (const withKeys of [false, true]) {
    for (const [command, ...rest] of shells) {
      const { status, stderr } = spawnSync(command, [...rest, '-n'], {
        input: collectScript({ withKeys }),
        encoding: 'utf8',
      });
      assert.deepEqual([status, stderr], [0, ''], `${command} ${rest.join(' ')}`);
    }
  }
});

test('the recorded output of a node gives all its facts', () => {
  const { nodes, inputs } = readInputs([{ name: 'node1.txt', text: output('node1.collected.txt') }]);
  assert.deepEqual(
    nodes.map(({ name }) => name),
    ['node1'],
  );
  const [node] = nodes;
  assert.deepEqual(inputs, [
    {
      file: 'node1.txt',
      node: 'node1',
      kinds: inputs[0].kinds,
      warnings: [],
      seconds: Date.UTC(2026, 10, 21, 3, 28, 43) / 1000,
    },
  ]);
  const missing = Object.values(InputKind).filter((kind) => !node.has.has(kind));
  assert.deepEqual(missing, [
    InputKind.Capture,
    InputKind.Config,
    InputKind.Status,
    InputKind.JetStream,
    InputKind.Keys,
    InputKind.Unknown,
  ]);
  assert.deepEqual(node.addresses, ['192.168.50.1']);
  assert.equal(node.sas.length, 4);
  assert.ok(node.sas.every(({ keyId }) => keyId?.length === 8));
  assert.ok(node.xfrmCounters.every(({ later }) => later !== undefined));
  assert.deepEqual(
    node.networks.map(({ name }) => name),
    ['my-mtu', 'my-secret', 'ingress', 'my-network'],
  );
  assert.equal(node.services.length, 4);
  const [row] = node.fdb.filter(({ destination }) => destination !== '');
  assert.deepEqual([row.place.namespace, row.device, row.vni, row.permanent], ['1-wy6hm1z20g', 'vxlan0', 4097, true]);
  assert.deepEqual(
    node.neighbours
      .filter(({ vni }) => vni === 4097)
      .map(({ address }) => address)
      .sort(),
    ['10.0.9.3', '10.0.9.5', '10.0.9.6', '10.0.9.9'],
  );
  assert.ok(node.virtualServers.every(({ place }) => place.namespace === 'lb_wy6hm1z20'));
  assert.deepEqual(
    node.ipvsTimeouts?.map(({ tcp, tcpFin, udp }) => [tcp, tcpFin, udp]),
    [
      [900, 120, 300],
      [900, 120, 300],
      [900, 120, 300],
    ],
  );
  // nft shows the rules of iptables, too: each is there once.
  const marks = node.rules.filter(({ verdict, table }) => verdict === 'mark' && table === 'mangle');
  assert.deepEqual(
    marks.map(({ vnis, place }) => [vnis, place.namespace]),
    [
      [[4099], undefined],
      [undefined, 'lb_wy6hm1z20'],
    ],
  );
  assert.equal(node.engines[0].dataPathPort, 4789);
});

test('run here, it names the node, masks keys, hides secrets, and is read back', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-collect-'));
  try {
    const key = '2d45edeea81a3a767e7023d0843aad88';
    const stub = (name: string, script: string): void => {
      writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    };
    stub('uname', 'echo here');
    stub(
      'ip',
      `case "$*" in *'xfrm state') printf 'src 192.168.50.2 dst 192.168.50.1\\n\\tproto esp spi 0xf704f713 reqid 1 mode transport\\n\\taead rfc4106(gcm(aes)) 0x${key}f704f713 64\\n' ;; esac`,
    );
    stub(
      'docker',
      `case "$*" in info) echo ' Server Version: 29.1.3'; echo ' HTTP Proxy: http://me:secret@proxy:1' ;; esac`,
    );
    stub('journalctl', `echo '2026-11-21T03:24:11+0000 here dockerd[1]: swarm token SWMTKN-1-abc key ${key}'`);
    for (const name of [
      'dmesg',
      'conntrack',
      'iptables-save',
      'ip6tables-save',
      'nft',
      'bridge',
      'ipvsadm',
      'ethtool',
      'nsenter',
      'vtep',
      'sleep',
    ]) {
      stub(name, ':');
    }
    const run = (withKeys: boolean, [command, ...rest]: readonly string[] = ['sh']): string => {
      const { status, stdout } = spawnSync(command, [...rest, '-s'], {
        input: collectScript({ withKeys }),
        encoding: 'utf8',
        env: { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` },
      });
      assert.equal(status, 0);
      return stdout;
    };
    const masked = run(false);
    for (const shell of shells) assert.equal(withoutTimes(run(false, shell)), withoutTimes(masked), shell.join(' '));
    assert.ok(!masked.includes(key.slice(0, 8)));
    assert.ok(!masked.includes('SWMTKN'));
    assert.ok(!masked.includes('secret'));
    const open = run(true);
    assert.ok(open.includes(key));
    const [[one], [other]] = [masked, open].map((text) => readInputs([{ name: 'x', text }]).nodes);
    assert.deepEqual([one.name, one.sas.length, one.engines[0].version], ['here', 1, '29.1.3']);
    assert.deepEqual(one.sas[0].keyId, other.sas[0].keyId);
    assert.ok(one.has.has(InputKind.Fdb) && one.has.has(InputKind.XfrmPolicy));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('output that ends before the script did is read, with a warning', () => {
  const text = output('node1.collected.txt');
  const { nodes, inputs } = readInputs([{ name: 'node1.txt', text: text.slice(0, text.length >> 1) }]);
  assert.deepEqual([nodes.length, nodes[0].name], [1, 'node1']);
  assert.match(inputs[0].warnings.join(), /ends before the collecting script did/);
});

test('the recorded output of a manager with Docker 20.10 shows what is wrong with its kernel, and nothing else', () => {
  const { nodes, inputs } = readInputs([{ name: 'manager1.txt', text: output('manager1.collected.txt') }]);
  assert.deepEqual(
    inputs.map(({ node, warnings }) => [node, warnings]),
    [['manager1', []]],
  );
  const [{ addresses, networks, policies, engines, virtualServers }] = nodes;
  assert.deepEqual(addresses, ['192.168.90.1']);
  assert.deepEqual(
    networks.map(({ name, vnis, encrypted, peers }) => [name, vnis, encrypted, peers.length]),
    [
      ['ingress', [4096], false, 2],
      ['plain', [4097], false, 2],
      ['secret', [4098], true, 2],
      ['unused', [4099], false, 0],
    ],
  );
  assert.deepEqual([policies.length, engines[0].version, virtualServers.length], [1, '20.10.24+dfsg1', 0]);
  const { found, consequences } = diagnose({ nodes, inputs, gossip: null });
  assert.deepEqual(
    found.map(({ finding }) => finding.id),
    ['kernel-refuses-sas'],
  );
  assert.match(found[0].exhibits[0].text, /^2026-11-30T00:57:18\+0000 .* function not implemented/);
  assert.deepEqual(
    consequences.map(({ found: { finding } }) => finding.id),
    ['policy-without-sa'],
  );
});
