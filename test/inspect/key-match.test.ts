/** Which SPIs a ring explains, and which transmit keys are wrong. */
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
    duplicates: 0,
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
  test('finds tag, role, form and fingerprint of each SPI, and no problem with the middle key', () => {
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

  test('does not explain an SPI derived with source and destination swapped', () => {
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

  test('the transmit key of a direction that rotated is that of its last SPI', () => {
    const report = match([row(ONE, TWO, 40), row(ONE, TWO, 42)]);
    assert.deepEqual([report.nodes[0].keys.map(({ tag }) => tag), codes(report)], [[42], []]);
  });

  test('a node that sends to its peers with different keys is listed with both', () => {
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

  test('an SPI that matches without a decrypted packet proves nothing: its key is not a transmit key', () => {
    const report = match([row(ONE, TWO, 40, { opened: 0, failed: { XfrmInStateProtoError_Icv: 10 } })]);
    assert.deepEqual(report.nodes, []);
    assert.deepEqual(codes(report), [
      ['KEY_ICV_WRONG', 10],
      ['KEY_UNPROVEN', 1],
    ]);
  });

  test('truncated packets are not wrong ICVs', () => {
    const report = match([row(ONE, TWO, 42, { opened: 9, failed: { CAPTURE_TRUNCATED: 1 } })]);
    assert.deepEqual(codes(report), []);
  });

  test("an SPI without decrypted packets, which may be forged, does not hide a node's transmit key", () => {
    for (const tag of [99, 44]) {
      const report = match([row(ONE, TWO, 42), row(ONE, TWO, tag, { opened: 0, failed: { XfrmInNoStates: 10 } })]);
      assert.deepEqual(
        report.nodes.map(({ address, keys }) => [address, keys.map((key) => key.tag)]),
        [[ONE, [42]]],
      );
      assert.ok(!codes(report).some(([code]) => code === 'NODE_EARLY'));
    }
  });

  test('warns of SPIs of 4-byte addresses', () => {
    const report = match([row(ONE, TWO, 42, {}, SpiForm.Short)]);
    assert.equal(report.spis[0].key?.spiForm, 'short');
    assert.deepEqual(codes(report), [['SPI_FORM_SHORT', 1]]);
  });

  test("reports SPIs that a full table couldn't list, and leaves other problems of the capture to inspect", () => {
    const full: Problem = { code: 'TABLE_FULL', severity: 'warning', count: 3, message: 'full' };
    const odd: Problem = { code: 'ARP_IN_TUNNEL', severity: 'note', count: 1, message: 'ARP' };
    const [{ message, ...rest }, ...others] = match([row(ONE, TWO, 42)], [odd, full]).problems;
    assert.deepEqual([rest, others], [{ code: 'TABLE_FULL', severity: 'warning', count: 3 }, []]);
    assert.match(message, /^packets not listed because a table is full/);
  });
});
