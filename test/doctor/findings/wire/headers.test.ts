/** Findings about headers, checksums, ports, and the captures themselves. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryReader, openCapture } from '../../../../src/capture/index.js';
import { InputKind } from '../../../../src/doctor/evidence/evidence.js';
import type { FdbRow } from '../../../../src/doctor/evidence/kernel.js';
import { Severity } from '../../../../src/doctor/finding.js';
import { arpInTunnel } from '../../../../src/doctor/findings/wire/arp-in-tunnel.js';
import { captureTruncated } from '../../../../src/doctor/findings/wire/capture-truncated.js';
import { capturedBeforeOffload } from '../../../../src/doctor/findings/wire/captured-before-offload.js';
import { checksumBrokenByOffload } from '../../../../src/doctor/findings/wire/checksum-broken-by-offload.js';
import { natBetweenNodes } from '../../../../src/doctor/findings/wire/nat-between-nodes.js';
import { outerSourceNotVtep } from '../../../../src/doctor/findings/wire/outer-source-not-vtep.js';
import { vxlanReservedBits } from '../../../../src/doctor/findings/wire/vxlan-reserved-bits.js';
import { wrongPort } from '../../../../src/doctor/findings/wire/wrong-port.js';
import { EtherType, updateChecksum, VXLAN_PORT } from '../../../../src/wire/index.js';
import { ethernet, udpIp, vxlan } from '../../../dataplane/build.js';
import {
  A,
  B,
  back,
  captured,
  diagnosed,
  diagnosedIn,
  echo,
  evidenceOf,
  every,
  examined,
  inner,
  macOf,
  node,
  ONE,
  onWire,
  packetsOf,
  pcapOf,
  recorded,
  tcp,
  there,
  tunnelled,
  TWO,
  VNI,
} from '../../capture/packets.js';
import { networkView } from '../../capture/views.js';

describe('checksum-broken-by-offload', () => {
  test('all inner TCP sums of a sender are wrong, ICMP is right: an error at that sender', async () => {
    const packets = [0, 1, 2, 3].flatMap((i) => [
      there(tcp({ sequence: 1 + i, length: 100, wrong: 0x1234 + i })),
      there(echo()),
      back(tcp({ from: B, to: A, ports: [80, 40_000], sequence: 1 + i, length: 100 })),
    ]);
    const [diagnosis, ...rest] = await diagnosedIn(checksumBrokenByOffload, every(0.1, packets));
    assert.equal(rest.length, 0);
    assert.equal(diagnosis.severity, Severity.Error);
    assert.deepEqual(diagnosis.subject, { nodes: [ONE], vni: VNI });
    assert.match(diagnosis.summary, /^The inner TCP checksums of packets from 192\.168\.50\.1 are wrong \(100 %\)/);
    assert.deepEqual(packetsOf(diagnosis), [1, 4, 7, 10]);
    assert.ok(diagnosis.commands?.[0].includes('tx-checksum-ip-generic off'));
  });

  test('a few damaged packets: a warning', async () => {
    const packets = Array.from({ length: 20 }, (_, i) =>
      there(tcp({ sequence: 1 + i, length: 9, wrong: i < 3 ? 5 + i : 0 })),
    );
    const [diagnosis] = await diagnosedIn(checksumBrokenByOffload, every(0.1, packets));
    assert.equal(diagnosis.severity, Severity.Warning);
  });

  test('right sums: nothing', async () => {
    const packets = Array.from({ length: 5 }, (_, i) => there(tcp({ sequence: 1 + i, length: 100 })));
    assert.deepEqual(await diagnosedIn(checksumBrokenByOffload, every(0.1, packets)), []);
  });

  test("the sender's own partial sums are none of it, but a note on the capture", async () => {
    const capture = await recorded('vxlan/60-offload-on-http.underlay.pcap');
    assert.deepEqual(diagnosed(checksumBrokenByOffload, capture), []);
    const [note] = diagnosed(capturedBeforeOffload, capture);
    assert.equal(note.severity, Severity.Note);
    assert.match(note.summary, /37 partial checksums and 10 frames larger than the wire takes/);
    assert.deepEqual(diagnosed(capturedBeforeOffload, await recorded('vxlan/03-http-200k.underlay.pcap')), []);
  });
});

describe('nat-between-nodes', () => {
  /** A packet whose source address was 10.1.1.1 when its UDP checksum was computed. */
  const translated = (i: number): Uint8Array => {
    const packet = udpIp(4, VXLAN_PORT, vxlan(VNI, inner(echo(A, B, false, 40 + i, i))), 'right', '10.1.1.1', TWO);
    packet.set([192, 168, 50, 1], 12);
    return onWire(packet);
  };

  test('all outer sums are wrong by the same difference: NAT, and not a card', async () => {
    const capture = await captured(every(0.1, [0, 1, 2, 3].map(translated)));
    const [diagnosis] = diagnosed(natBetweenNodes, capture);
    assert.equal(diagnosis.severity, Severity.Error);
    assert.deepEqual(diagnosis.subject.nodes, [ONE, TWO]);
    assert.deepEqual(packetsOf(diagnosis), [1, 2, 3, 4]);
    assert.deepEqual(diagnosed(checksumBrokenByOffload, capture), []);
  });

  test('sums that are wrong by different amounts: a card, and not NAT', async () => {
    const packets = [0, 1, 2, 3].map((i) => {
      const packet = udpIp(4, VXLAN_PORT, vxlan(VNI, inner(echo(A, B, false, 40 + i, i))));
      const right = (packet[26] << 8) | packet[27];
      const wrong = updateChecksum(right, 0x1000, 0x2000 + 77 * i);
      packet.set([wrong >>> 8, wrong & 0xff], 26);
      return onWire(packet);
    });
    const capture = await captured(every(0.1, packets));
    assert.deepEqual(diagnosed(natBetweenNodes, capture), []);
    assert.equal(diagnosed(checksumBrokenByOffload, capture).length, 1);
  });

  test('the same packets with other addresses in another capture', async () => {
    const packets = [0, 1, 2, 3].map((i) => inner(echo(A, B, false, 40, i)));
    const inside = await captured(
      every(
        0.5,
        packets.map((frame) => tunnelled(frame, { from: '10.1.1.1' })),
      ),
    );
    const outside = await captured(
      every(
        0.5,
        packets.map((frame) => tunnelled(frame)),
      ),
    );
    const [diagnosis] = diagnosed(natBetweenNodes, inside, outside);
    assert.match(diagnosis.summary, /VXLAN from 10\.1\.1\.1 to 192\.168\.50\.2 arrives from 192\.168\.50\.1/);
    assert.deepEqual(diagnosed(natBetweenNodes, outside, outside), []);
  });

  test('a frame that is flooded to two nodes is not translated on the way', async () => {
    const group = ethernet(inner(echo()).subarray(14), EtherType.Ipv4, macOf(A), 'ff:ff:ff:ff:ff:ff');
    const ends = ['192.168.50.7', '192.168.50.8'].map((to) => {
      const own = Array.from({ length: 9 }, (_, i) => tunnelled(inner(echo(A, B, false, 40, i), A, B), { to }));
      return captured(every(0.5, [tunnelled(group, { to }), ...own]));
    });
    const [one, other] = await Promise.all(ends);
    assert.deepEqual(diagnosed(natBetweenNodes, one, other), []);
  });
});

describe('vxlan-reserved-bits', () => {
  test('a group policy, and other bits, each with its packets', async () => {
    const frame = inner(echo());
    const packets = [
      tunnelled(frame),
      tunnelled(frame, { flags: 0x88 }),
      ...[1, 2].map(() => tunnelled(frame, { flags: 0x0c, vni: 7 })),
    ];
    const diagnoses = await diagnosedIn(vxlanReservedBits, every(1, packets));
    assert.deepEqual(diagnoses.map(packetsOf), [[2], [3, 4]]);
    assert.deepEqual(
      diagnoses.map(({ severity }) => severity),
      [Severity.Warning, Severity.Error],
    );
    assert.match(diagnoses[0].summary, /group policy/);
    assert.equal(diagnoses[1].subject.vni, 7);
    assert.deepEqual(await diagnosedIn(vxlanReservedBits, every(1, [tunnelled(frame)])), []);
  });
});

describe('arp-in-tunnel', () => {
  test('in a learning overlay it is a note; in a network of a Swarm a warning', async () => {
    const capture = await recorded('vxlan/20-learning-arp-icmp.underlay.pcap');
    const [{ vni }] = capture.frames;
    assert.deepEqual(
      diagnosed(arpInTunnel, capture).map(({ severity }) => severity),
      [Severity.Note],
    );
    const swarm = evidenceOf([capture], node({ networks: [networkView({ vnis: [vni] })] }));
    const [diagnosis] = arpInTunnel.find(swarm);
    assert.equal(diagnosis.severity, Severity.Warning);
    assert.ok(packetsOf(diagnosis).length > 0);
  });

  test('broadcasts are told from ARP, and without either there is nothing', async () => {
    const frame = ethernet(inner(echo()).subarray(14), EtherType.Ipv4, macOf(A), 'ff:ff:ff:ff:ff:ff');
    const [diagnosis] = await diagnosedIn(arpInTunnel, every(1, [tunnelled(frame)]));
    assert.match(diagnosis.exhibits[0].text, /^1 broadcast frame/);
    assert.deepEqual(await diagnosedIn(arpInTunnel, every(1, [there(echo())])), []);
  });
});

describe('wrong-port', () => {
  const packets = every(
    1,
    [0, 1, 2].map((i) => tunnelled(inner(echo(A, B, false, 40, i)), { port: 8472 })),
  );

  test('VXLAN at 8472 is a note; a warning if the engines use another port', async () => {
    const capture = await captured(packets);
    const [note] = diagnosed(wrongPort, capture);
    assert.equal(note.severity, Severity.Note);
    assert.match(note.summary, /UDP port 8472, the port of flannel/);
    const engine = {
      place: { file: 'info.txt' },
      version: '29.1.3',
      kernel: '',
      name: 'node1',
      swarm: 'active',
      nodeAddress: ONE,
      dataPathPort: 4789,
      managers: [],
      warnings: [],
    };
    const [warning] = wrongPort.find(evidenceOf([capture], node({ engines: [engine] })));
    assert.equal(warning.severity, Severity.Warning);
  });

  test('at the port that was asked for, it is not', async () => {
    assert.deepEqual(diagnosed(wrongPort, await captured(packets, { port: 8472 })), []);
  });
});

describe('outer-source-not-vtep', () => {
  const entry = (destination: string, learned = false): FdbRow => ({
    place: { file: 'fdb.txt', line: 3 },
    mac: macOf(A),
    device: 'vxlan0',
    destination,
    vni: undefined,
    self: true,
    master: false,
    permanent: !learned,
    learned,
  });
  const has = new Set([InputKind.Fdb]);

  test('a permanent entry has the MAC address at another VTEP: an error', async () => {
    const answer = tunnelled(inner(echo(B, A, true), B, A), { from: TWO, to: '192.168.50.9' });
    const capture = await captured(every(1, [there(echo()), answer]));
    const [diagnosis, ...rest] = outerSourceNotVtep.find(
      evidenceOf([capture], node({ fdb: [entry('192.168.50.9')], has })),
    );
    assert.equal(rest.length, 0);
    assert.equal(diagnosis.severity, Severity.Error);
    assert.match(diagnosis.summary, /come from 192\.168\.50\.1, but forwarding entries have it at 192\.168\.50\.9/);
    assert.deepEqual(diagnosis.exhibits[1].places, [{ file: 'fdb.txt', line: 3 }]);
  });

  test('tables and networks of another cluster, which has the same addresses: nothing', async () => {
    const capture = await captured(every(1, [there(echo())]));
    const networks = [networkView({ vnis: [VNI], peers: ['10.9.9.1', '10.9.9.2'] })];
    const foreign = node({ fdb: [entry('10.9.9.2')], networks, has });
    assert.deepEqual([...outerSourceNotVtep.find(evidenceOf([capture], foreign))], []);
  });

  test('an entry that fits, one that was learned, or none: nothing', async () => {
    const capture = await captured(every(1, [there(echo())]));
    for (const fdb of [[entry(ONE)], [entry('192.168.50.9', true)], []]) {
      assert.deepEqual([...outerSourceNotVtep.find(evidenceOf([capture], node({ fdb, has })))], []);
    }
  });

  test('an endpoint that moves while the capture runs is where the entry has it, before or after: nothing', async () => {
    const from = (vtep: string): Uint8Array => tunnelled(inner(echo()), { from: vtep });
    const capture = await captured(every(1, [from(ONE), from(ONE), from('192.168.50.9')]));
    assert.deepEqual([...outerSourceNotVtep.find(evidenceOf([capture], node({ fdb: [entry(ONE)], has })))], []);
  });

  test('a source that is no peer of the network: a warning', async () => {
    const capture = await captured(every(1, [there(echo())]));
    const of = (peers: string[]) =>
      outerSourceNotVtep.find(evidenceOf([capture], node({ networks: [networkView({ vnis: [VNI], peers })] })));
    assert.deepEqual(
      [...of(['192.168.50.7', TWO])].map(({ severity }) => severity),
      [Severity.Warning],
    );
    assert.deepEqual([...of([ONE, TWO])], []);
  });
});

describe('capture-truncated', () => {
  test('packets that a snaplen cut off: how many', async () => {
    const [diagnosis] = diagnosed(captureTruncated, await recorded('vxlan/10-formats.snap96.pcap'));
    assert.equal(diagnosis.severity, Severity.Warning);
    assert.match(diagnosis.summary, /^26 packets of .* \(100 %\) are cut off/);
    assert.deepEqual(diagnosed(captureTruncated, await recorded('vxlan/10-formats.usec.pcap')), []);
  });

  test('a file that ends in the middle of a packet', async () => {
    const bytes = pcapOf(every(1, [there(echo()), there(echo())]));
    const capture = await examined(await openCapture(new MemoryReader(bytes.subarray(0, bytes.length - 5))));
    const [diagnosis] = diagnosed(captureTruncated, capture);
    assert.match(diagnosis.summary, /could not be read to its end/);
  });
});
