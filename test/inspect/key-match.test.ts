/** What a ring explains of SPIs, and what is wrong with who transmits with what. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hkdfSha256 } from '../../src/aead/index.js';
import { type EspReport, type KeyMatchReport, matchKeys, type Problem, RingKeys } from '../../src/inspect/index.js';
import { formatSpi } from '../../src/ipsec/index.js';
import { ClusterKey, deriveSpi, keyFingerprint, KeyRing, parseIp, Profile, SpiForm } from '../../src/overlay/index.js';

const TAGS = [40, 42, 44] as const;
const RING = new KeyRing(TAGS.map((tag) => new ClusterKey(tag, new Uint8Array(16).fill(tag))));
const ONE = '192.168.50.1';
const TWO = '192.168.50.2';
const THREE = '192.168.50.3';

function row(
  source: string,
  destination: string,
  tag: number,
  more: Partial<EspReport> = {},
  form?: SpiForm,
): EspReport {
  return {
    spi: formatSpi(deriveSpi(parseIp(source), parseIp(destination), tag, form)),
    source,
    destination,
    inUdp: false,
    packets: 10,
    bytes: 1000,
    firstSequence: 1,
    lastSequence: 10,
    highestSequence: 10,
    opened: 10,
    failed: {},
    missingSequences: 0,
    repeatedSequences: 0,
    nonceReused: 0,
    ivRepeated: 0,
    seenAgain: 0,
    key: null,
    ...more,
  };
}

function match(esp: readonly EspReport[], problems: readonly Problem[] = []): KeyMatchReport {
  return matchKeys({ esp, problems }, new RingKeys({ ring: RING, profile: Profile.Swarm }, hkdfSha256));
}

function codes(report: KeyMatchReport): (string | number)[][] {
  return report.problems.map(({ code, count }) => [code, count]);
}

describe('matchKeys', () => {
  test('names tag, role, form and fingerprint of each SPI, and finds nothing wrong with the middle key', () => {
    const report = match([row(ONE, TWO, 42), row(TWO, ONE, 42)]);
    const fingerprint = keyFingerprint(RING.transmit, hkdfSha256);
    for (const { key } of report.spis) {
      assert.deepEqual(key, { tag: 42, role: 'current', rotations: 0, fingerprint, spiForm: 'mapped' });
    }
    assert.deepEqual([report.packets, report.opened, codes(report)], [20, 20, []]);
    assert.deepEqual(
      report.nodes.map(({ address, keys }) => [address, keys.map(({ tag, peers }) => [tag, peers])]),
      [
        [ONE, [[42, 1]]],
        [TWO, [[42, 1]]],
      ],
    );
  });

  test('an SPI that is derived with source and destination swapped is not explained', () => {
    const swapped = { ...row(TWO, ONE, 42), source: ONE, destination: TWO };
    const report = match([swapped]);
    assert.equal(report.spis[0].key, null);
    assert.deepEqual([codes(report), report.nodes], [[['SPI_UNEXPLAINED', 1]], []]);
  });

  test('nodes that transmit with the oldest key are late, with the next one early', () => {
    const report = match([row(ONE, TWO, 40), row(TWO, ONE, 44), row(THREE, ONE, 42)]);
    assert.deepEqual(codes(report), [
      ['NODE_LATE', 1],
      ['NODE_EARLY', 1],
    ]);
    assert.deepEqual(
      report.nodes.map(({ keys }) => keys.map(({ rotations }) => rotations)),
      [[-1], [1], [0]],
    );
  });

  test('of a direction that rotated, the last SPI is what its node transmits with', () => {
    const report = match([row(ONE, TWO, 40), row(ONE, TWO, 42)]);
    assert.deepEqual([report.nodes[0].keys.map(({ tag }) => tag), codes(report)], [[42], []]);
  });

  test('a node that sends to its peers with different keys is said with both', () => {
    const report = match([row(ONE, TWO, 42), row(ONE, THREE, 40), row(ONE, '192.168.50.4', 42)]);
    assert.deepEqual(
      report.nodes[0].keys.map(({ tag, peers }) => [tag, peers]),
      [
        [40, 1],
        [42, 2],
      ],
    );
    assert.deepEqual(codes(report), [['NODE_LATE', 1]]);
  });

  test('an SPI that fits and does not open proves nothing: no node is said to transmit with its key', () => {
    const report = match([row(ONE, TWO, 40, { opened: 0, failed: { XfrmInStateProtoError_Icv: 10 } })]);
    assert.deepEqual(report.nodes, []);
    assert.deepEqual(codes(report), [
      ['KEY_ICV_WRONG', 10],
      ['KEY_UNPROVEN', 1],
    ]);
  });

  test('packets that the capture cut short are no wrong ICVs', () => {
    const report = match([row(ONE, TWO, 42, { opened: 9, failed: { CAPTURE_TRUNCATED: 1 } })]);
    assert.deepEqual(codes(report), []);
  });

  test('an SPI that nothing opens, which may be forged, does not hide what a node transmits with', () => {
    for (const tag of [99, 44]) {
      const report = match([row(ONE, TWO, 42), row(ONE, TWO, tag, { opened: 0, failed: { XfrmInNoStates: 10 } })]);
      assert.deepEqual(
        report.nodes.map(({ address, keys }) => [address, keys.map((key) => key.tag)]),
        [[ONE, [42]]],
      );
      assert.ok(!codes(report).some(([code]) => code === 'NODE_EARLY'));
    }
  });

  test('the form of 4-byte addresses is a warning', () => {
    const report = match([row(ONE, TWO, 42, {}, SpiForm.Short)]);
    assert.equal(report.spis[0].key?.spiForm, 'short');
    assert.deepEqual(codes(report), [['SPI_FORM_SHORT', 1]]);
  });

  test('SPIs that found no room are still said, other problems of the capture are left to inspect', () => {
    const full: Problem = { code: 'TABLE_FULL', severity: 'warning', count: 3, message: 'full' };
    const odd: Problem = { code: 'ARP_IN_TUNNEL', severity: 'note', count: 1, message: 'ARP' };
    const [{ message, ...rest }, ...others] = match([row(ONE, TWO, 42)], [odd, full]).problems;
    assert.deepEqual([rest, others], [{ code: 'TABLE_FULL', severity: 'warning', count: 3 }, []]);
    assert.match(message, /^packets that found no room/);
  });
});
