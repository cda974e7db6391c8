/** Findings about ESP that needs no keys. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InputKind } from '../../../../src/doctor/evidence/evidence.js';
import type { XfrmSa } from '../../../../src/doctor/evidence/kernel.js';
import { Certainty, Severity } from '../../../../src/doctor/finding.js';
import { nonceReuse } from '../../../../src/doctor/findings/esp/nonce-reuse.js';
import { oneSidedEsp } from '../../../../src/doctor/findings/esp/one-sided-esp.js';
import { reorderedBeyondWindow } from '../../../../src/doctor/findings/esp/reordered-beyond-window.js';
import { replayedPackets } from '../../../../src/doctor/findings/esp/replayed-packets.js';
import { rotationMissed } from '../../../../src/doctor/findings/esp/rotation-missed.js';
import { sequenceGaps } from '../../../../src/doctor/findings/esp/sequence-gaps.js';
import { sequenceNearEnd } from '../../../../src/doctor/findings/esp/sequence-near-end.js';
import { spiCollision } from '../../../../src/doctor/findings/esp/spi-collision.js';
import { unknownSpi } from '../../../../src/doctor/findings/esp/unknown-spi.js';
import {
  captured,
  diagnosed,
  diagnosedIn,
  evidenceOf,
  every,
  found,
  gossip,
  node,
  ONE,
  packetsOf,
  recorded,
  sealed,
  type Timed,
  TWO,
} from '../../capture/packets.js';

const THREE = '192.168.50.3';

function run(count: number, options: Parameters<typeof sealed>[1] = {}, first = 1): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => sealed(first + i, options));
}

/** An SA as `ip -s xfrm state` shows it. */
function sa(parts: Partial<XfrmSa> = {}): XfrmSa {
  return {
    place: { file: 'xfrm.txt', line: 1 },
    source: ONE,
    destination: TWO,
    protocol: 'esp',
    spi: 0x1000,
    mode: 'transport',
    algorithm: 'rfc4106(gcm(aes))',
    icvBits: 64,
    keyId: '01234567',
    replayWindow: 0,
    esn: false,
    sent: 0,
    received: 0,
    mark: '',
    bytes: -1,
    packets: -1,
    added: '',
    used: '',
    replayErrors: -1,
    integrityErrors: -1,
    ...parts,
  };
}

function receiver(...sas: readonly XfrmSa[]) {
  return node({ name: 'node2', addresses: [TWO], sas, has: new Set([InputKind.XfrmState]) });
}

describe('one-sided-esp', () => {
  test('ESP from one node, gossip both ways: an error, likely', async () => {
    const packets = [...every(0.3, run(8)), ...every(0.3, [gossip(), gossip(TWO, ONE)])];
    const [diagnosis, ...rest] = await diagnosedIn(oneSidedEsp, packets);
    assert.equal(rest.length, 0);
    assert.deepEqual([diagnosis.severity, diagnosis.certainty], [Severity.Error, Certainty.Likely]);
    assert.deepEqual(diagnosis.subject, { nodes: [ONE, TWO] });
  });

  test('nothing at all comes back: only possible, since the capture may lack the direction', async () => {
    const [diagnosis] = await diagnosedIn(oneSidedEsp, every(0.3, run(8)));
    assert.deepEqual([diagnosis.severity, diagnosis.certainty], [Severity.Warning, Certainty.Possible]);
  });

  test('both directions, or a burst that ends at once: nothing', async () => {
    const both = [...every(0.3, run(8)), ...every(0.3, run(8, { from: TWO, to: ONE, spi: 7 }))];
    assert.deepEqual(await diagnosedIn(oneSidedEsp, both), []);
    assert.deepEqual(await diagnosedIn(oneSidedEsp, every(0.01, run(8))), []);
  });
});

describe('unknown-spi', () => {
  test('the receiving node shows its SAs and lacks the one that is used', async () => {
    const capture = await captured(every(0.1, run(3)));
    const [diagnosis] = found(unknownSpi, evidenceOf([capture], receiver(sa({ spi: 0x2000, source: THREE }))));
    assert.deepEqual([diagnosis.severity, diagnosis.certainty], [Severity.Error, Certainty.Likely]);
    assert.match(diagnosis.summary, /^node2 \(192\.168\.50\.2\) has no SA for SPI 0x00001000/);
    assert.deepEqual([...unknownSpi.find(evidenceOf([capture], receiver(sa())))], []);
  });

  test('SAs that may be of another time than the capture: only a warning', async () => {
    const other = run(3, { spi: 0x3000, from: THREE });
    const capture = await captured(every(0.1, [...run(3), ...other]));
    const of = (...sas: readonly XfrmSa[]) =>
      found(unknownSpi, evidenceOf([capture], receiver(...sas)))
        .filter(({ subject }) => subject.spi === 0x1000)
        .map(({ severity, certainty }) => [severity, certainty]);
    assert.deepEqual(of(sa({ spi: 0x2000 })), [[Severity.Warning, Certainty.Possible]]);
    // That it explains what a third node sends shows that it is of the same time.
    const current = sa({ spi: 0x3000, source: THREE });
    assert.deepEqual(of(sa({ spi: 0x2000 }), current), [[Severity.Error, Certainty.Certain]]);
  });

  test('without keys and SAs there is nothing to say', async () => {
    assert.deepEqual(await diagnosedIn(unknownSpi, every(0.1, run(3))), []);
  });
});

describe('spi-collision', () => {
  test('two nodes with the same SPI to a third', async () => {
    const turns = [run(3, { to: THREE }), run(3, { from: TWO, to: THREE }, 50)];
    const packets = [0, 1, 2].flatMap((i) => turns.map((packets) => packets[i]));
    const [diagnosis, ...rest] = await diagnosedIn(spiCollision, every(0.1, packets));
    assert.equal(rest.length, 0);
    assert.deepEqual(diagnosis.subject, { nodes: [ONE, TWO, THREE], spi: 0x1000 });
    assert.deepEqual(packetsOf(diagnosis), [1, 3, 5, 2, 4, 6]);
  });

  test('one sender whose address is translated, or changes, does not collide with itself', async () => {
    const both = [every(0.1, run(3, { to: THREE })), every(0.1, run(3, { from: TWO, to: THREE }), 0.0001)];
    assert.deepEqual(await diagnosedIn(spiCollision, both.flat()), []);
    const changed = [...run(3, { to: THREE }), ...run(3, { from: TWO, to: THREE }, 4)];
    assert.deepEqual(await diagnosedIn(spiCollision, every(0.1, changed)), []);
  });

  test('the numbers of keys that Cilium has for SPIs are the same on all nodes', async () => {
    const packets = [...run(3, { to: THREE, spi: 3 }), ...run(3, { from: TWO, to: THREE, spi: 3 }, 50)];
    assert.deepEqual(await diagnosedIn(spiCollision, every(0.1, packets)), []);
  });

  test('the same SPI to two nodes is no collision', async () => {
    const packets = [...run(3, { to: THREE }), ...run(3, { from: THREE, to: ONE })];
    assert.deepEqual(await diagnosedIn(spiCollision, every(0.1, packets)), []);
  });

  test('two SAs of a dump, unless marks tell them apart', () => {
    const found = (mark: string) =>
      [...spiCollision.find(evidenceOf([], receiver(sa(), sa({ source: THREE, mark }))))].length;
    assert.deepEqual([found(''), found('0x5d00/0xff00')], [1, 0]);
  });
});

describe('sequence-near-end', () => {
  const LAST = 2 ** 32 - 1;

  test('from nine tenths of 2^32 on a warning with the time that is left, at the end an error', async () => {
    const [warning] = await diagnosedIn(sequenceNearEnd, every(0.001, run(1000, {}, LAST - 100_000)));
    assert.equal(warning.severity, Severity.Warning);
    assert.match(warning.summary, /has 99,001 sequence numbers left, for 99\.0 s at its rate/);
    const [error] = await diagnosedIn(sequenceNearEnd, every(0.1, run(10, {}, LAST - 9)));
    assert.equal(error.severity, Severity.Error);
    assert.deepEqual(await diagnosedIn(sequenceNearEnd, every(0.1, run(10, {}, 2_000_000_000))), []);
  });

  test('an SA with ESN has no end', async () => {
    const capture = await captured(every(0.1, run(10, {}, LAST - 9)));
    const found = (esn: boolean) => [...sequenceNearEnd.find(evidenceOf([capture], receiver(sa({ esn }))))].length;
    assert.deepEqual([found(false), found(true)], [1, 0]);
    // Without the SA, its numbers may be the lower half of 64 bits.
    assert.equal(diagnosed(sequenceNearEnd, capture)[0].certainty, Certainty.Possible);
    const plain = sequenceNearEnd.find(evidenceOf([capture], receiver(sa())));
    assert.equal([...plain][0].certainty, Certainty.Certain);
  });
});

describe('sequence-gaps', () => {
  test('a warning if much is missing, a note for little', async () => {
    const much = [...run(10), ...run(10, {}, 40)];
    const [warning] = await diagnosedIn(sequenceGaps, every(0.1, much));
    assert.equal(warning.severity, Severity.Warning);
    assert.match(warning.summary, /^29 sequence numbers of SPI 0x00001000/);
    assert.deepEqual(packetsOf(warning), [11]);
    const [note] = await diagnosedIn(sequenceGaps, every(0.1, [...run(10), ...run(10, {}, 12)]));
    assert.equal(note.severity, Severity.Note);
    assert.deepEqual(await diagnosedIn(sequenceGaps, every(0.1, run(20))), []);
  });
});

describe('replayed-packets', () => {
  test('some packets come again: a warning; all of them twice: a note on the capture', async () => {
    const some = [...run(10), sealed(3), sealed(4)];
    const [warning] = await diagnosedIn(replayedPackets, every(0.1, some));
    assert.equal(warning.severity, Severity.Warning);
    assert.deepEqual(packetsOf(warning), [11, 12]);
    const twice = run(10).flatMap((packet) => [packet, packet]);
    const [note] = await diagnosedIn(replayedPackets, every(0.1, twice));
    assert.equal(note.severity, Severity.Note);
    assert.deepEqual(await diagnosedIn(replayedPackets, every(0.1, run(10))), []);
  });
});

describe('reordered-beyond-window', () => {
  const late = [...run(10), ...run(60, {}, 12), sealed(11), ...run(5, {}, 72)];

  test('a packet 60 places late: an error for a window of 32, nothing for a larger or none, else a note', async () => {
    const capture = await captured(every(0.01, late));
    const found = (...sas: readonly XfrmSa[]) =>
      [...reorderedBeyondWindow.find(evidenceOf([capture], receiver(...sas)))].map(({ severity }) => severity);
    assert.deepEqual(found(sa({ replayWindow: 32 })), [Severity.Error]);
    const larger = reorderedBeyondWindow.find(evidenceOf([capture], receiver(sa({ replayWindow: 48 }))));
    assert.match([...larger][0].summary, /^Some of 1 packet .* too late for the replay window of 48/);
    assert.deepEqual(found(sa({ replayWindow: 128 })), []);
    assert.deepEqual(found(sa({ replayWindow: 0 })), []);
    assert.deepEqual(found(), [Severity.Note]);
    const [diagnosis] = diagnosed(reorderedBeyondWindow, capture);
    assert.deepEqual(packetsOf(diagnosis), [71]);
  });

  test('in order, or a few places late: nothing', async () => {
    assert.deepEqual(await diagnosedIn(reorderedBeyondWindow, every(0.01, run(80))), []);
    assert.deepEqual(await diagnosedIn(reorderedBeyondWindow, every(0.01, [...run(9, {}, 2), sealed(1)])), []);
  });
});

describe('nonce-reuse', () => {
  test('most packets have the same 8 bytes there: without a cipher they are no nonce, so it is only possible', async () => {
    const packets = Array.from({ length: 10 }, (_, i) => sealed(i + 1, { iv: 7, length: 64 }));
    const [diagnosis] = await diagnosedIn(nonceReuse, every(0.1, packets));
    assert.equal(diagnosis.certainty, Certainty.Possible);
    assert.match(diagnosis.advice[0], /ESP-NULL/);
  });

  test('another packet with the same IV: an error, with the packets', async () => {
    const packets = [...run(4), sealed(9, { iv: 2, end: 1, length: 64 }), sealed(10, { iv: 3, end: 2, length: 68 })];
    const [diagnosis] = await diagnosedIn(nonceReuse, every(0.1, packets));
    assert.equal(diagnosis.severity, Severity.Error);
    assert.deepEqual(packetsOf(diagnosis), [5, 6]);
  });

  test('the same packet twice is none', async () => {
    assert.deepEqual(await diagnosedIn(nonceReuse, every(0.1, [...run(4), sealed(2)])), []);
  });
});

describe('rotation-missed', () => {
  /** Both nodes send for ten minutes; each switches to its next SPI at a time, or never. */
  function rotation(one: number, two: number): Timed[] {
    return Array.from({ length: 60 }, (_, i) => [
      { at: 10 * i, packet: sealed(i + 1, { spi: 10 * i < one ? 1 : 2 }) },
      { at: 10 * i + 1, packet: sealed(i + 1, { spi: 10 * i < two ? 3 : 4, from: TWO, to: ONE }) },
    ]).flat();
  }

  test('one switches and the other does not: it is behind', async () => {
    const [diagnosis, ...rest] = await diagnosedIn(rotationMissed, rotation(100, Infinity));
    assert.equal(rest.length, 0);
    assert.deepEqual(diagnosis.subject, { nodes: [TWO] });
    assert.equal(diagnosis.certainty, Certainty.Likely);
  });

  test('both switch, or neither, or the capture ends soon after: nothing', async () => {
    assert.deepEqual(await diagnosedIn(rotationMissed, rotation(100, 130)), []);
    assert.deepEqual(await diagnosedIn(rotationMissed, rotation(Infinity, Infinity)), []);
    assert.deepEqual(await diagnosedIn(rotationMissed, rotation(570, Infinity)), []);
  });

  test('another cluster in the same capture has rotations of its own', async () => {
    const foreign = Array.from({ length: 60 }, (_, i) => [
      { at: 10 * i + 2, packet: sealed(i + 1, { spi: 7, from: '10.9.9.1', to: '10.9.9.2' }) },
      { at: 10 * i + 3, packet: sealed(i + 1, { spi: 8, from: '10.9.9.2', to: '10.9.9.1' }) },
    ]).flat();
    assert.deepEqual(await diagnosedIn(rotationMissed, [...rotation(100, 130), ...foreign]), []);
  });

  test('two SPIs that are used side by side are no rotation', async () => {
    const second = Array.from({ length: 50 }, (_, i) => ({ at: 100 + 10 * i, packet: sealed(i + 1, { spi: 9 }) }));
    assert.deepEqual(await diagnosedIn(rotationMissed, [...rotation(Infinity, Infinity), ...second]), []);
  });

  test('the recorded rotation is complete', async () => {
    assert.deepEqual(diagnosed(rotationMissed, await recorded('esp/08-esp-key-rotation.underlay.pcap')), []);
  });
});
