/** Statistics of encrypted traffic, with and without keys. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hkdfSha256, nodeBackend } from '../../src/aead/index.js';
import { LinkType } from '../../src/capture/index.js';
import { UnderlayDecoder, type Verdict } from '../../src/dataplane/index.js';
import { AddressTable } from '../../src/inspect/address-table.js';
import { EspSurvey } from '../../src/inspect/esp-survey.js';
import type { EspReport, Problem } from '../../src/inspect/index.js';
import {
  EspDrop,
  InboundEsp,
  InboundSa,
  Keymat,
  OutboundEsp,
  OutboundSa,
  Sad,
  type SecurityAssociation,
} from '../../src/ipsec/index.js';
import { ClusterKey, deriveSa, KeyRing, Profile, RingResolver, type RingSa, SpiForm } from '../../src/overlay/index.js';
import { EtherType, IpProtocol, parseIpv4, parseIpv6 } from '../../src/wire/index.js';
import { ethernet, FRAME, ip, udpIp, vxlan } from '../dataplane/build.js';

const aead = nodeBackend.create();
const ONE = '192.168.50.1';
const TWO = '192.168.50.2';

/** A survey behind a decoder, fed with Ethernet packets. */
class Bench {
  readonly decoder: UnderlayDecoder;
  readonly survey: EspSurvey;
  ringSas: readonly RingSa[] = [];

  constructor(esp?: InboundEsp, rows = 64) {
    this.decoder = new UnderlayDecoder(esp === undefined ? {} : { esp });
    this.survey = new EspSurvey(new AddressTable(64), rows);
  }

  add(packet: Uint8Array, captured = packet.length): Verdict {
    // Decryption is in place.
    const bytes = packet.slice();
    const verdict = this.decoder.receive(LinkType.Ethernet, bytes, 0, captured, bytes.length, 0);
    assert.ok(this.decoder.encrypted, 'the packet is not ESP');
    this.survey.add(this.decoder, verdict);
    return verdict;
  }

  get rows(): EspReport[] {
    return this.survey.report(this.ringSas);
  }

  get row(): EspReport {
    assert.equal(this.rows.length, 1);
    return this.rows[0];
  }

  get problems(): Record<string, Problem> {
    return Object.fromEntries(this.survey.problems(this.ringSas).map((problem) => [problem.code, problem]));
  }
}

/** ESP without a key: SPI, sequence number, IV, and its last bytes. */
function unopened(
  sequence: number,
  options: { spi?: number; iv?: number; end?: number; from?: string; to?: string } = {},
): Uint8Array {
  const { spi = 0x1000, iv = sequence, end = sequence * 7, from = ONE, to = TWO } = options;
  const esp = new Uint8Array(60).fill(0x5a);
  const view = new DataView(esp.buffer);
  view.setUint32(0, spi);
  view.setUint32(4, sequence);
  view.setUint32(8, 0xabcd);
  view.setUint32(12, iv);
  view.setUint32(56, end);
  return ethernet(ip(4, IpProtocol.Esp, esp, from, to), EtherType.Ipv4);
}

function association(more: Partial<SecurityAssociation> = {}): SecurityAssociation {
  const keymat = new Keymat(new Uint8Array(20).fill(9));
  const common = { mode: 'transport', icvLength: 8, esn: false, replayWindow: 0 } as const;
  return { spi: 0x1000, source: ONE, destination: TWO, keymat, ...common, ...more };
}

/** Seals VXLAN as a node does. */
class Sender {
  readonly sa: OutboundSa;
  readonly #esp = new OutboundEsp(aead, 1);

  constructor(sa: SecurityAssociation, sequence = 0, mask = 0) {
    this.sa = new OutboundSa(sa, aead, { ivMask: new Uint8Array(8).fill(mask), sequence: { high: 0, low: sequence } });
  }

  packet(vni = 4099): Uint8Array {
    const { source, destination, family } = this.sa;
    const text = (bytes: Uint8Array): string =>
      family === 4
        ? bytes.join('.')
        : Buffer.from(bytes)
            .toString('hex')
            .replace(/(....)(?!$)/g, '$1:');
    const packet = udpIp(family, 4789, vxlan(vni, FRAME), 'right', text(source), text(destination));
    const bytes = new Uint8Array(128 + packet.length);
    bytes.set(packet, 64);
    assert.equal(this.#esp.push(this.sa, bytes, 64, 64 + packet.length, 0), EspDrop.None);
    this.#esp.flush();
    return ethernet(bytes.slice(this.#esp.start, this.#esp.end), family === 4 ? EtherType.Ipv4 : EtherType.Ipv6);
  }
}

function receiver(sa: SecurityAssociation): InboundEsp {
  const sad = new Sad<InboundSa>();
  sad.add(new InboundSa(sa, aead, { midStream: true }));
  return new InboundEsp(aead, sad);
}

describe('without keys', () => {
  test('totals by SPI and direction', () => {
    const bench = new Bench();
    for (const sequence of [5, 6, 7]) bench.add(unopened(sequence));
    bench.add(unopened(9, { from: TWO, to: ONE }));
    bench.add(unopened(1, { spi: 0xfedcba98 }));
    assert.deepEqual(
      bench.rows.map((row) => [
        row.spi,
        row.source,
        row.destination,
        row.packets,
        row.bytes,
        row.firstSequence,
        row.lastSequence,
      ]),
      [
        ['0x00001000', ONE, TWO, 3, 240, 5, 7],
        ['0x00001000', TWO, ONE, 1, 80, 9, 9],
        ['0xfedcba98', ONE, TWO, 1, 80, 1, 1],
      ],
    );
    for (const row of bench.rows) {
      const { opened, failed, missingSequences, repeatedSequences, nonceReused, duplicates, key } = row;
      assert.deepEqual(
        [opened, failed, missingSequences, repeatedSequences, nonceReused, duplicates, key],
        [0, {}, 0, 0, 0, 0, null],
      );
    }
    assert.deepEqual(bench.problems, {});
  });

  test('counts missing sequence numbers between the first and the highest', () => {
    const bench = new Bench();
    for (const sequence of [10, 11, 15, 16, 20]) bench.add(unopened(sequence));
    assert.deepEqual([bench.row.missingSequences, bench.row.repeatedSequences], [6, 0]);
    assert.deepEqual([bench.problems['SEQUENCE_GAP'].severity, bench.problems['SEQUENCE_GAP'].count], ['note', 6]);
    // Late ones fill their gaps, and one before the first extends the range.
    for (const sequence of [13, 12]) bench.add(unopened(sequence));
    assert.equal(bench.row.missingSequences, 4);
    bench.add(unopened(8));
    assert.equal(bench.row.missingSequences, 5);
    bench.add(unopened(9));
    assert.equal(bench.row.missingSequences, 4);
  });

  test('sums the gaps of all SPIs in the problem', () => {
    const bench = new Bench();
    for (const spi of [1, 2]) for (const sequence of [1, 3]) bench.add(unopened(sequence, { spi }));
    assert.equal(bench.problems['SEQUENCE_GAP'].count, 2);
  });

  test('a capture that begins mid-SA has no gap before its first packet', () => {
    const bench = new Bench();
    for (const sequence of [4_000_000_000, 4_000_000_001]) bench.add(unopened(sequence));
    assert.equal(bench.row.missingSequences, 0);
    assert.deepEqual([bench.row.firstSequence, bench.row.highestSequence], [4_000_000_000, 4_000_000_001]);
  });

  test('a repetition of a packet is seen again, and not nonce reuse', () => {
    const bench = new Bench();
    for (const sequence of [1, 2, 2, 1, 3]) bench.add(unopened(sequence));
    const { repeatedSequences, duplicates, nonceReused, missingSequences } = bench.row;
    assert.deepEqual([repeatedSequences, duplicates, nonceReused, missingSequences], [2, 2, 0, 0]);
    assert.deepEqual([bench.problems['ESP_SEEN_AGAIN'].severity, bench.problems['ESP_SEEN_AGAIN'].count], ['note', 2]);
    assert.equal(bench.problems['NONCE_REUSED'], undefined);
  });

  test('RFC 4106: the same IV on another packet is nonce reuse, a warning, whatever its sequence number', () => {
    const bench = new Bench();
    bench.add(unopened(1, { iv: 77, end: 1 }));
    bench.add(unopened(2, { iv: 77, end: 2 }));
    bench.add(unopened(1, { iv: 77, end: 3 }));
    const { repeatedSequences, duplicates, nonceReused } = bench.row;
    assert.deepEqual([repeatedSequences, duplicates, nonceReused], [1, 0, 2]);
    assert.deepEqual([bench.problems['NONCE_REUSED'].severity, bench.problems['NONCE_REUSED'].count], ['warning', 2]);
  });

  test('the same IV under another SPI or to another node is not nonce reuse', () => {
    const bench = new Bench();
    bench.add(unopened(1, { iv: 77, end: 1 }));
    bench.add(unopened(1, { iv: 77, end: 2, spi: 2 }));
    bench.add(unopened(1, { iv: 77, end: 3, from: TWO, to: ONE }));
    assert.deepEqual(bench.problems, {});
  });

  test('packets truncated after the IV are distinguished by their captured bytes', () => {
    const bench = new Bench();
    for (const sequence of [1, 2, 3]) bench.add(unopened(sequence), 14 + 20 + 16 + 8);
    assert.deepEqual([bench.row.packets, bench.row.nonceReused, bench.row.duplicates], [3, 0, 0]);
  });

  test('packets truncated before the end of their IV are not compared', () => {
    for (let captured = 14 + 20 + 8; captured < 14 + 20 + 20; captured++) {
      const bench = new Bench();
      for (const sequence of [1, 2, 3]) bench.add(unopened(sequence), captured);
      const { packets, missingSequences, nonceReused, duplicates } = bench.row;
      assert.deepEqual([packets, missingSequences, nonceReused, duplicates], [3, 0, 0, 0], `truncated to ${captured}`);
      assert.deepEqual(bench.problems, {});
    }
  });

  test('rows beyond the limit are not counted, and the others stay correct', () => {
    const bench = new Bench(undefined, 2);
    for (const spi of [1, 2, 3, 1, 3, 2]) bench.add(unopened(spi === 3 ? 1 : bench.decoder.packets + 1, { spi }));
    assert.deepEqual(
      bench.rows.map((row) => [row.spi, row.packets]),
      [
        ['0x00000001', 2],
        ['0x00000002', 2],
      ],
    );
    assert.equal(bench.survey.spis.unlisted, 2);
  });

  test('reports nonces beyond the limit as untracked', () => {
    const bench = new Bench();
    const packet = unopened(1);
    const view = new DataView(packet.buffer);
    const kept = 1 << 19;
    for (let i = 1; i <= kept + 3; i++) {
      view.setUint32(14 + 20 + 4, i);
      view.setUint32(14 + 20 + 12, i);
      const verdict = bench.decoder.receive(LinkType.Ethernet, packet, 0, packet.length, packet.length, 0);
      bench.survey.add(bench.decoder, verdict);
    }
    assert.equal(bench.row.packets, kept + 3);
    const problem = bench.problems['NONCE_UNTRACKED'];
    assert.deepEqual([problem.severity, problem.count], ['note', 3]);
    // It still knows the stored ones.
    view.setUint32(14 + 20 + 12, 1);
    bench.add(packet);
    assert.equal(bench.row.duplicates, 1);
  });
});

describe('with keys', () => {
  test('counts decrypted packets, and failures by reason', () => {
    const sa = association({ replayWindow: 64 });
    const bench = new Bench(receiver(sa));
    const sender = new Sender(sa);
    const first = sender.packet();
    for (const packet of [first, sender.packet(), sender.packet(), first]) bench.add(packet);
    const damaged = sender.packet();
    damaged[60] ^= 1;
    bench.add(damaged);
    bench.add(sender.packet(), 80);
    bench.add(unopened(1, { spi: 0x2000 }));
    assert.deepEqual(
      bench.rows.map(({ spi, packets, opened, failed }) => ({ spi, packets, opened, failed })),
      [
        {
          spi: '0x00001000',
          packets: 6,
          opened: 3,
          failed: { XfrmInStateSeqError_Replayed: 1, XfrmInStateProtoError_Icv: 1, CAPTURE_TRUNCATED: 1 },
        },
        { spi: '0x00002000', packets: 1, opened: 0, failed: { XfrmInNoStates: 1 } },
      ],
    );
    assert.equal(bench.rows[0].repeatedSequences, 1);
  });

  test('a forged packet is not evidence: it neither opens a gap nor uses a nonce', () => {
    const sa = association();
    const bench = new Bench(receiver(sa));
    const sender = new Sender(sa);
    bench.add(sender.packet());
    const forged = sender.packet();
    forged.set([0x7f, 0, 0, 0], 14 + 20 + 4);
    bench.add(forged);
    const stranger = new Sender(association({ keymat: new Keymat(new Uint8Array(20).fill(1)) }));
    bench.add(stranger.packet());
    const { opened, failed, missingSequences, nonceReused, duplicates } = bench.row;
    assert.deepEqual([opened, failed, missingSequences], [1, { XfrmInStateProtoError_Icv: 2 }, 0]);
    assert.deepEqual([nonceReused, duplicates], [0, 0]);
    assert.deepEqual(bench.problems, {});
  });

  test('without a replay window, a repeated packet is decrypted twice, and seen again', () => {
    const sa = association();
    const bench = new Bench(receiver(sa));
    const packet = new Sender(sa).packet();
    bench.add(packet);
    bench.add(packet);
    const { opened, repeatedSequences, duplicates, nonceReused } = bench.row;
    assert.deepEqual([opened, repeatedSequences, duplicates, nonceReused], [2, 1, 1, 0]);
  });

  test('a sender that restarted with the same mask reused its nonces', () => {
    const sa = association();
    const bench = new Bench(receiver(sa));
    const before = new Sender(sa);
    const restarted = new Sender(sa);
    for (const sender of [before, restarted]) {
      for (let i = 0; i < 3; i++) bench.add(sender.packet(sender === before ? 4099 : 4100));
    }
    assert.deepEqual([bench.row.opened, bench.row.repeatedSequences, bench.row.nonceReused], [6, 3, 3]);
    const masked = new Sender(sa, 0, 0x33);
    for (let i = 0; i < 3; i++) bench.add(masked.packet());
    assert.equal(bench.row.nonceReused, 3);
  });

  test('ESN: counts gaps across the upper half', () => {
    const sa = association({ esn: true, replayWindow: 64 });
    const bench = new Bench(receiver(sa));
    const sender = new Sender(sa, 0xfffffffd);
    const packets = Array.from({ length: 6 }, () => sender.packet());
    for (const i of [0, 1, 4, 5]) bench.add(packets[i]);
    assert.deepEqual([bench.row.opened, bench.row.missingSequences, bench.row.repeatedSequences], [4, 2, 0]);
  });
});

describe('with a key ring', () => {
  const KEY = new ClusterKey(29_944, new Uint8Array(16).fill(3));

  /** Packets between two nodes whose SPIs have the given forms. */
  function ring(forms: readonly [from: string, to: string, form: SpiForm][]): Bench {
    const sad = new Sad<InboundSa>();
    const resolver = new RingResolver(new KeyRing([KEY]), aead, sad, hkdfSha256, { midStream: true });
    const bench = new Bench(new InboundEsp(aead, sad, resolver));
    bench.ringSas = resolver.created;
    for (const [from, to, spiForm] of forms) {
      const bytes = from.includes(':') ? parseIpv6 : parseIpv4;
      const pair = { key: KEY, source: bytes(from), destination: bytes(to), spiForm };
      const sender = new Sender(deriveSa(Profile.Swarm, pair, hkdfSha256));
      for (let i = 0; i < 2; i++) bench.add(sender.packet());
    }
    return bench;
  }

  test('rows have the tag and the form of their SPI', () => {
    const bench = ring([
      [ONE, TWO, SpiForm.Mapped],
      [TWO, ONE, SpiForm.Short],
    ]);
    assert.deepEqual(
      bench.rows.map(({ opened, key }) => [opened, key]),
      [
        [2, { tag: 29_944, spiForm: 'mapped' }],
        [2, { tag: 29_944, spiForm: 'short' }],
      ],
    );
  });

  test('SPIs of the usual form are not a problem', () => {
    assert.deepEqual(
      ring([
        [ONE, TWO, SpiForm.Mapped],
        [TWO, ONE, SpiForm.Mapped],
      ]).problems,
      {},
    );
  });

  test('only SPIs of 4-byte addresses: a warning that names the versions', () => {
    const problem = ring([
      [ONE, TWO, SpiForm.Short],
      [TWO, ONE, SpiForm.Short],
    ]).problems['SPI_FORM_SHORT'];
    assert.deepEqual([problem.severity, problem.count], ['warning', 2]);
    assert.match(problem.message, /25\.0\.13 and 25\.0\.14, 28\.2\.2, 29\.0\.0 to 29\.2\.0/);
    assert.doesNotMatch(problem.message, /can't decrypt each other/);
  });

  test("SPIs of both forms: these nodes can't decrypt each other's packets", () => {
    const problem = ring([
      [ONE, TWO, SpiForm.Short],
      [TWO, ONE, SpiForm.Mapped],
    ]).problems['SPI_FORM_SHORT'];
    assert.equal(problem.count, 1);
    assert.match(problem.message, /1 SPIs have the usual form: these nodes can't decrypt each other/);
  });

  test('IPv6 has only one form, and no such problem', () => {
    const bench = ring([['fd50::1', 'fd50::2', SpiForm.Mapped]]);
    assert.deepEqual([bench.problems, bench.row.opened, bench.row.key?.tag], [{}, 2, 29_944]);
    assert.equal(bench.row.source, 'fd50::1');
  });
});

describe('repeated IVs without a key', () => {
  /** ESP of a given size: its first 8 bytes, what follows them, and unique last bytes. */
  const sized = (sequence: number, size: number, iv: number, after: number): Uint8Array => {
    const packet = new Uint8Array(size).fill(0x5a);
    const view = new DataView(packet.buffer);
    view.setUint32(0, 0x1000);
    view.setUint32(4, sequence);
    view.setUint32(8, iv);
    view.setUint32(12, iv);
    view.setUint32(16, after);
    view.setUint32(size - 4, sequence * 7);
    return ethernet(ip(4, IpProtocol.Esp, packet, ONE, TWO), EtherType.Ipv4);
  };
  const surveyed = (packets: readonly Uint8Array[]): Bench => {
    const bench = new Bench();
    for (const packet of packets) bench.add(packet);
    return bench;
  };

  test('AES-CBC with a fixed IV (RFC 3602): 16 bytes repeat with different sizes, which is a note', () => {
    const { row, problems } = surveyed([sized(1, 116, 9, 9), sized(2, 116, 9, 9), sized(3, 1012, 9, 9)]);
    assert.deepEqual([row.nonceReused, row.ivRepeated], [0, 2]);
    assert.equal(problems['NONCE_REUSED'], undefined);
    assert.deepEqual([problems['IV_REPEATED'].severity, problems['IV_REPEATED'].count], ['note', 2]);
  });

  test('five sizes that are all congruent modulo 16 mean a block cipher, whatever follows the 8 bytes', () => {
    const sizes = [84, 100, 116, 148, 1012];
    const { row, problems } = surveyed(sizes.map((size, i) => sized(i + 1, size, 9, i)));
    assert.deepEqual([row.nonceReused, row.ivRepeated], [0, 4]);
    assert.equal(problems['NONCE_REUSED'], undefined);
  });

  test('sizes only possible with AES-GCM, or too few to tell: a warning that states its assumption', () => {
    for (const sizes of [
      [84, 88, 92, 100, 104],
      [84, 100, 116],
    ]) {
      const { row, problems } = surveyed(sizes.map((size, i) => sized(i + 1, size, 9, i)));
      assert.equal(row.nonceReused, sizes.length - 1);
      assert.equal(problems['NONCE_REUSED'].severity, 'warning');
      assert.match(problems['NONCE_REUSED'].message, /if the cipher is AES-GCM, as their sizes allow/);
      assert.equal(problems['IV_REPEATED'], undefined);
    }
  });

  test('unencrypted packets repeat their first bytes with any sizes', () => {
    const { problems } = surveyed([sized(1, 85, 9, 9), sized(2, 90, 9, 9), sized(3, 111, 9, 9)]);
    assert.deepEqual(Object.keys(problems), ['IV_REPEATED']);
  });

  test('with the key it is known to be AES-GCM, and the warning is unconditional', () => {
    const sa = association();
    const bench = new Bench(receiver(sa));
    // Two senders with the same key and mask: the same nonces.
    bench.add(new Sender(sa).packet(4099));
    bench.add(new Sender(sa).packet(4100));
    assert.deepEqual([bench.row.opened, bench.row.nonceReused], [2, 1]);
    assert.match(bench.problems['NONCE_REUSED'].message, /under one key that breaks both$/);
  });
});
