/** Findings about gossip. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeBackend } from '../../../../src/aead/index.js';
import { Severity } from '../../../../src/doctor/finding.js';
import { gossipOneWay } from '../../../../src/doctor/findings/gossip/gossip-one-way.js';
import { gossipSuspicions } from '../../../../src/doctor/findings/gossip/gossip-suspicions.js';
import { gossipWrongKeys } from '../../../../src/doctor/findings/gossip/gossip-wrong-keys.js';
import { GossipKeyring } from '../../../../src/gossip/index.js';
import { swarmKeys } from '../../../inspect/gossip/recorded.js';
import { udpIp } from '../../../dataplane/build.js';
import {
  A,
  B,
  captured,
  diagnosed,
  diagnosedIn,
  echo,
  evidenceOf,
  every,
  found,
  gossip,
  inner,
  ONE,
  onWire,
  recorded,
  there,
  tunnelled,
  TWO,
} from '../../capture/packets.js';

const JOIN = 'docker/01-swarm-init-join.underlay.pcap';
const REFUTE = 'gossip/live-refute.pcap';
const REFUTE_KEYS = 'gossip/live-keys.txt';

function otherKeys(): GossipKeyring {
  const ring = new GossipKeyring(nodeBackend.create());
  ring.add(1, new Uint8Array(16).fill(0x5a));
  return ring;
}

describe('gossip-one-way', () => {
  const probes = Array.from({ length: 6 }, (_, i) => gossip(ONE, TWO, `ping ${i}`));

  test('probes without an answer: an error if other traffic comes back, else a warning', async () => {
    const frame = tunnelled(inner(echo(B, A), B, A), { from: TWO, to: ONE });
    const [error, ...rest] = await diagnosedIn(gossipOneWay, every(0.5, [...probes, frame]));
    assert.equal(rest.length, 0);
    assert.equal(error.severity, Severity.Error);
    assert.match(error.summary, /^Gossip over UDP goes from 192\.168\.50\.1 to 192\.168\.50\.2 and none comes back/);
    const [warning] = await diagnosedIn(gossipOneWay, every(0.5, probes));
    assert.equal(warning.severity, Severity.Warning);
  });

  test('among many nodes, three messages that nobody answers are no sign', async () => {
    const others = [2, 3, 4, 5].map((i) => gossip(ONE, `192.168.50.${i}`, `news ${i}`));
    const frame = tunnelled(inner(echo(B, A), B, A), { from: TWO, to: ONE });
    const few = [...others, frame, ...probes.slice(0, 3)];
    assert.deepEqual(await diagnosedIn(gossipOneWay, every(0.5, few)), []);
    const many = Array.from({ length: 10 }, (_, i) => gossip(ONE, TWO, `ping ${i}`));
    assert.equal((await diagnosedIn(gossipOneWay, every(0.5, [...others, frame, ...many]))).length, 1);
  });

  test('answered probes: nothing', async () => {
    const both = probes.flatMap((probe, i) => [probe, gossip(TWO, ONE, `ack ${i}`)]);
    assert.deepEqual(await diagnosedIn(gossipOneWay, every(0.5, both)), []);
    assert.deepEqual(await diagnosedIn(gossipOneWay, every(0.5, [there(echo())])), []);
    assert.deepEqual(diagnosed(gossipOneWay, await recorded(JOIN)), []);
  });
});

describe('gossip-wrong-keys', () => {
  test('none of the keys fits: a warning about the keys', async () => {
    const [diagnosis] = diagnosed(gossipWrongKeys, await recorded(JOIN, { gossip: otherKeys() }));
    assert.equal(diagnosis.severity, Severity.Warning);
    assert.match(diagnosis.summary, /^None of the keys decrypts/);
  });

  test('they fit for one node only: an error about the other', async () => {
    const capture = await recorded(JOIN, { gossip: swarmKeys() });
    const report = capture.survey.gossip;
    assert.ok(report !== null);
    const packets = { ...report.packets, failed: { 'no-key-fits': 7 } };
    const mixed = { ...report, packets, undecryptable: [{ address: TWO, count: 7 }] };
    const [diagnosis] = gossipWrongKeys.find({ ...evidenceOf([capture]), gossip: mixed });
    assert.equal(diagnosis.severity, Severity.Error);
    assert.deepEqual(diagnosis.subject, { nodes: [TWO] });
  });

  test('all nodes send what no key decrypts, and the keys fit for the rest: they were rotated, and no node is alone', async () => {
    const capture = await recorded(JOIN, { gossip: swarmKeys() });
    const report = capture.survey.gossip;
    assert.ok(report !== null);
    const rows = capture.traffic.filter(({ gossipUdp, gossipTcp }) => gossipUdp.count + gossipTcp.count > 0);
    const undecryptable = rows.map(({ source }) => ({ address: source, count: 3 }));
    const packets = { ...report.packets, failed: { 'no-key-fits': 6 } };
    const rotated = { ...evidenceOf([capture]), gossip: { ...report, packets, undecryptable } };
    const [diagnosis] = found(gossipWrongKeys, rotated);
    assert.equal(diagnosis.severity, Severity.Warning);
    assert.match(diagnosis.summary, /rotated during the capture/);
  });

  test('gossip in clear: a warning', async () => {
    // A ping of memberlist as msgpack, without encryption: its type, then a map of its number and the node.
    const name = (text: string): number[] => [0xa0 | text.length, ...new TextEncoder().encode(text)];
    const ping = Uint8Array.of(0, 0x82, ...name('SeqNo'), 7, ...name('Node'), ...name('node2'));
    const packet = onWire(udpIp(4, 7946, ping, 'right', ONE, TWO));
    const [diagnosis] = diagnosed(gossipWrongKeys, await captured(every(1, [packet]), { gossip: swarmKeys() }));
    assert.equal(diagnosis.severity, Severity.Warning);
    assert.match(diagnosis.summary, /^1 packet or stream of gossip is in clear/);
  });

  test('the right keys: nothing', async () => {
    assert.deepEqual(diagnosed(gossipWrongKeys, await recorded(JOIN, { gossip: swarmKeys() })), []);
  });
});

describe('gossip-suspicions', () => {
  test('a member that is suspected and refutes it, or is killed: a warning', async () => {
    const capture = await recorded(REFUTE, { gossip: swarmKeys(REFUTE_KEYS) });
    const diagnoses = diagnosed(gossipSuspicions, capture);
    assert.ok(diagnoses.length > 0);
    assert.ok(diagnoses.every(({ severity }) => severity === Severity.Warning));
  });

  test('a node that joins is not suspected', async () => {
    assert.deepEqual(diagnosed(gossipSuspicions, await recorded(JOIN, { gossip: swarmKeys() })), []);
  });
});
