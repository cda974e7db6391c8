/** Findings about sizes: fragments, ICMP "too big", connections that hang. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryReader, openCapture } from '../../../../src/capture/index.js';
import { fragmentsLost } from '../../../../src/doctor/findings/wire/fragments-lost.js';
import { icmpTooBigIgnored } from '../../../../src/doctor/findings/wire/icmp-too-big-ignored.js';
import { mtuTooBig } from '../../../../src/doctor/findings/wire/mtu-too-big.js';
import { Certainty, Severity } from '../../../../src/doctor/finding.js';
import { udpIp } from '../../../dataplane/build.js';
import {
  A,
  B,
  back,
  captured,
  diagnosed,
  diagnosedIn,
  echo,
  every,
  examined,
  fragments,
  inner,
  ONE,
  onWire,
  packetsOf,
  pcapOf,
  recorded,
  sealed,
  tcp,
  there,
  type Timed,
  tooBig,
  tunnelled,
  TWO,
  withIp,
} from '../../capture/packets.js';

/** Pings that are too large for an underlay of 1500, in fragments. */
function large(count: number, keep: (part: number, ping: number) => boolean = () => true): Timed[] {
  return Array.from({ length: count }, (_, i) => {
    const packet = tunnelled(inner(echo(A, B, false, 1464, i)));
    return every(
      0.0001,
      fragments(packet, 1500, 100 + i).filter((_part, index) => keep(index, i)),
      i,
    );
  }).flat();
}

/** A connection whose handshake works, and that sends segments of a size; the answers acknowledge them or don't. */
function download(length: number, arrives: boolean, port = 40_000): Timed[] {
  const [ports, backPorts] = [[port, 80] as const, [80, port] as const];
  const packets = [
    there(tcp({ ports, flags: 'S', sequence: 99, acknowledgment: 0 })),
    back(tcp({ from: B, to: A, ports: backPorts, flags: 'SA', sequence: 199, acknowledgment: 100 })),
    there(tcp({ ports, sequence: 100, acknowledgment: 200 })),
    there(tcp({ ports, sequence: 100, acknowledgment: 200, length: 80 })),
    back(tcp({ from: B, to: A, ports: backPorts, sequence: 200, acknowledgment: 180 })),
  ];
  for (let i = 0; i < 4; i++) {
    const sequence = 200 + (arrives ? i * length : 0);
    packets.push(back(tcp({ from: B, to: A, ports: backPorts, sequence, acknowledgment: 180, length })));
    if (arrives) packets.push(there(tcp({ ports, sequence: 180, acknowledgment: sequence + length })));
  }
  return every(0.4, packets);
}

describe('mtu-too-big', () => {
  test('outer fragments that are complete: a warning, with the size that the path takes', async () => {
    const [diagnosis, ...rest] = await diagnosedIn(mtuTooBig, large(3));
    assert.equal(rest.length, 0);
    assert.equal(diagnosis.severity, Severity.Warning);
    assert.equal(diagnosis.certainty, Certainty.Certain);
    assert.deepEqual(diagnosis.subject.nodes, [ONE, TWO]);
    assert.match(
      diagnosis.exhibits[0].text,
      /^6 outer fragments of VXLAN from 192\.168\.50\.1, the largest of 1500 bytes/,
    );
    assert.deepEqual(packetsOf(diagnosis), [1, 2, 3, 4, 5]);
    assert.ok(diagnosis.commands?.[0].includes('driver.mtu=1500'));
  });

  test('fragments whose rests are missing: an error', async () => {
    const [diagnosis] = await diagnosedIn(
      mtuTooBig,
      large(4, (part, ping) => part === 0 || ping === 0),
    );
    assert.equal(diagnosis.severity, Severity.Error);
    assert.match(diagnosis.exhibits[1].text, /^2 packets incomplete: .* of 2 only the first fragment was captured/);
  });

  test('a thousand connections that hang are shown by eight', async () => {
    const clients = Array.from({ length: 20 }, (_, i) => download(1400, false, 30_000 + i)).flat();
    const [diagnosis] = await diagnosedIn(mtuTooBig, clients);
    assert.equal(diagnosis.exhibits.length, 9);
    assert.equal(diagnosis.exhibits[8].text, '12 more of the same');
  });

  test('handshakes that work and a large segment that is sent in vain: an error, likely', async () => {
    const [diagnosis, ...rest] = await diagnosedIn(mtuTooBig, download(1400, false));
    assert.equal(rest.length, 0);
    assert.equal(diagnosis.severity, Severity.Error);
    assert.equal(diagnosis.certainty, Certainty.Likely);
    assert.match(diagnosis.exhibits[0].text, /sends a segment of 1400 bytes 4 times without an acknowledgment/);
    assert.deepEqual(packetsOf(diagnosis), [7, 8, 9]);
    assert.ok((diagnosis.collect ?? []).length > 0);
  });

  test('the same download when it arrives, and small segments in vain, are no matter of size', async () => {
    assert.deepEqual(await diagnosedIn(mtuTooBig, download(1400, true)), []);
    assert.deepEqual(await diagnosedIn(mtuTooBig, download(200, false)), []);
  });

  test('ICMP "too big" about a tunnel names the MTU', async () => {
    const outer = tunnelled(inner(echo(A, B, false, 1400)), { df: true });
    const message = onWire(tooBig(outer.subarray(14), 1420, '192.168.50.254', ONE));
    const [diagnosis] = await diagnosedIn(mtuTooBig, every(1, [outer, message]));
    assert.equal(diagnosis.severity, Severity.Warning);
    assert.ok(diagnosis.commands?.[0].includes('driver.mtu=1420'));
    assert.deepEqual(packetsOf(diagnosis), [2]);
  });

  test('two captures: only large packets are lost in between', async () => {
    const small = Array.from({ length: 20 }, (_, i) => ({ at: i, packet: there(echo(A, B, false, 100, i)) }));
    const big = Array.from({ length: 5 }, (_, i) => ({ at: 4.5 + i, packet: there(echo(A, B, false, 1400, i)) }));
    const sent = await captured([...small, ...big]);
    const [diagnosis] = diagnosed(mtuTooBig, sent, await captured(small));
    assert.equal(diagnosis.severity, Severity.Error);
    assert.match(
      diagnosis.exhibits[0].text,
      /^5 packets of 1478 bytes or more never arrive, while all of up to 178 bytes do/,
    );
    assert.deepEqual(diagnosed(mtuTooBig, sent, await captured([...small, ...big])), []);
  });

  for (const [recording, bytes] of [
    ['vxlan/30-outerfrag-1500-icmp.underlay.pcap', 1500],
    ['vxlan/40-routed-router-frag.underlay-n2.pcap', 900],
    ['esp/09-esp-frag-1500.underlay.pcap', 1500],
  ] as const) {
    test(`the recording ${recording}: a warning, and nothing is lost`, async () => {
      const capture = await recorded(recording);
      const diagnoses = diagnosed(mtuTooBig, capture);
      assert.equal(diagnoses.length, 1);
      assert.equal(diagnoses[0].severity, Severity.Warning);
      assert.ok(diagnoses[0].commands?.[0].includes(`driver.mtu=${bytes}`));
      assert.deepEqual(diagnosed(fragmentsLost, capture), []);
    });
  }
});

describe('fragments-lost', () => {
  test('a capture of first fragments alone, as `udp port 4789` takes them: possibly lost, and no error', async () => {
    const capture = await captured(large(4, (part) => part === 0));
    const [diagnosis] = diagnosed(fragmentsLost, capture);
    assert.deepEqual([diagnosis.severity, diagnosis.certainty], [Severity.Warning, Certainty.Possible]);
    assert.match(diagnosis.summary, /or a capture filter left them out/);
    assert.match(diagnosis.collect?.[0] ?? '', /ip\[6:2\] & 0x1fff != 0/);
    assert.deepEqual(
      diagnosed(mtuTooBig, capture).map(({ severity, summary }) => [severity, /go out in fragments/.test(summary)]),
      [[Severity.Warning, true]],
    );
  });

  test('fragments of other traffic than the overlay are of no matter', async () => {
    const packet = onWire(udpIp(4, 2049, new Uint8Array(3000), 'right', ONE, TWO));
    const packets = Array.from({ length: 3 }, (_, i) => every(0.001, fragments(packet, 1500, i).slice(0, 1), i)).flat();
    const capture = await captured([...packets, { at: 5, packet: there(echo()) }]);
    assert.deepEqual(diagnosed(fragmentsLost, capture), []);
    assert.deepEqual(diagnosed(mtuTooBig, capture), []);
  });

  test('first fragments that the snaplen cut are not lost', async () => {
    const bytes = pcapOf([...large(4), { at: 6, packet: there(echo()) }], 96);
    const capture = await examined(await openCapture(new MemoryReader(bytes)));
    assert.deepEqual(diagnosed(fragmentsLost, capture), []);
  });

  test('only first fragments arrive, while other nodes have the rests: filtered', async () => {
    const answer = tunnelled(inner(echo(B, A, true, 1464), B, A), { from: TWO, to: ONE });
    const whole = every(0.0001, fragments(answer, 1500, 7), 0.5);
    const [diagnosis] = await diagnosedIn(fragmentsLost, [...large(4, (part) => part === 0), ...whole]);
    assert.equal(diagnosis.severity, Severity.Error);
    assert.match(diagnosis.summary, /only the first fragment arrives/);
    // The last one came when the capture ended.
    assert.deepEqual(packetsOf(diagnosis).slice(0, 3), [1, 4, 5]);
  });

  test('some are lost: how many', async () => {
    const [diagnosis] = await diagnosedIn(
      fragmentsLost,
      large(5, (part, ping) => ping !== 1 || part !== 1),
    );
    assert.match(diagnosis.summary, /^1 packet of 5 .* incomplete \(20\.0 %\)/);
  });

  test('none is lost: nothing, whatever their order and however often they come', async () => {
    const packets = large(4);
    const twice = [...packets, ...packets.map(({ at, packet }) => ({ at: at + 0.01, packet }))];
    assert.deepEqual(await diagnosedIn(fragmentsLost, twice), []);
    const reversed = packets.map(({ at, packet }, i) => ({ at: at + (i % 2 === 0 ? 0.01 : 0), packet }));
    assert.deepEqual(await diagnosedIn(fragmentsLost, reversed), []);
  });

  test('fragments of ESP, too', async () => {
    const esp = (i: number): Uint8Array[] => fragments(sealed(i, { length: 1600 }), 1500, i);
    const packets = [esp(1), esp(2).slice(0, 1), esp(3)].flatMap((parts, i) => every(0.001, parts, i));
    const [diagnosis] = await diagnosedIn(fragmentsLost, packets);
    assert.match(diagnosis.summary, /^1 packet of 3/);
    assert.deepEqual(packetsOf(diagnosis)[0], 3);
  });

  test('the recording with lost fragments: those that are missing, and not the duplicates', async () => {
    const diagnoses = diagnosed(fragmentsLost, await recorded('esp/16-vxlan-frag-reorder-dup-loss.underlay.pcap'));
    assert.ok(diagnoses.length > 0);
    assert.ok(diagnoses.every(({ severity }) => severity === Severity.Error));
  });
});

describe('icmp-too-big-ignored', () => {
  const big = (): Uint8Array => withIp(echo(A, B, false, 1400), 0, { df: true });
  const after = (size: number, seconds = 1.5): Timed[] => {
    const packets = [
      big(),
      ...Array.from({ length: 4 }, (_, i) => withIp(echo(A, B, false, size, i), 0, { df: true })),
    ];
    const frames = packets.map((packet) => {
      const frame = inner(packet);
      withIp(frame, 14, { df: true, id: 9 });
      return tunnelled(frame);
    });
    const message = tunnelled(inner(tooBig(big(), 1300, '10.0.9.1', A), '10.0.9.1', A), { from: TWO, to: ONE });
    const [first, ...others] = frames;
    return [{ at: 0, packet: first }, { at: 0.1, packet: message }, ...every(1, others, seconds)];
  };

  test('larger packets with DF a second later and more: an error', async () => {
    const [diagnosis] = await diagnosedIn(icmpTooBigIgnored, after(1350));
    assert.equal(diagnosis.severity, Severity.Error);
    assert.match(
      diagnosis.summary,
      /^10\.0\.9\.3 keeps sending packets of more than 1300 bytes to 10\.0\.9\.4 in VNI 4097/,
    );
    assert.deepEqual(packetsOf(diagnosis), [2, 3, 4, 5, 6]);
  });

  test('ten minutes later, the sender may try larger packets again: nothing', async () => {
    assert.deepEqual(await diagnosedIn(icmpTooBigIgnored, after(1350, 601)), []);
  });

  test('smaller packets: it is heeded', async () => {
    assert.deepEqual(await diagnosedIn(icmpTooBigIgnored, after(1200)), []);
  });

  for (const file of ['c1', 'c2', 'underlay']) {
    test(`the recording of path MTU discovery that works (${file}): nothing`, async () => {
      assert.deepEqual(diagnosed(icmpTooBigIgnored, await recorded(`vxlan/32-pmtu-df-1500.${file}.pcap`)), []);
    });
  }
});
