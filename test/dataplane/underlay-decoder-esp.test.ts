/** Encrypted packets: decrypted ones are decoded as their payload, others are counted by drop reason. */
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { nodeBackend } from '../../src/aead/index.js';
import { LinkType } from '../../src/capture/index.js';
import { dropReasonName, UnderlayDecoder, Verdict } from '../../src/dataplane/index.js';
import {
  EspDrop,
  InboundEsp,
  InboundSa,
  type InboundSaOptions,
  Keymat,
  OutboundEsp,
  OutboundSa,
  Sad,
  type SecurityAssociation,
} from '../../src/ipsec/index.js';
import { EtherType, IpProtocol } from '../../src/wire/index.js';
import { ipv4Packet, ipv6Packet, noise, type Packet, split } from '../fragment/split.js';
import { ethernet, FRAME, ip, join, udpIp, vxlan } from './build.js';

const SEED = 20261121;
const FAMILIES = [4, 6] as const;
type Family = (typeof FAMILIES)[number];
const VERDICTS = ['', ...Object.keys(Verdict)];
const aead = nodeBackend.create();

const SOURCE = { 4: '192.168.50.1', 6: 'fd50::1' } as const;
const DESTINATION = { 4: '192.168.50.2', 6: 'fd50::2' } as const;
/** AES-128 key and salt. */
const MATERIAL = Uint8Array.from({ length: 20 }, (_, i) => 17 * i);

function association(family: Family, spi: number, more: Partial<SecurityAssociation> = {}): SecurityAssociation {
  return {
    spi,
    source: SOURCE[family],
    destination: DESTINATION[family],
    mode: 'transport',
    keymat: new Keymat(MATERIAL),
    icvLength: 8,
    esn: false,
    replayWindow: 0,
    ...more,
  };
}

/** A decoder with SAs. */
function receiverOf(sas: readonly SecurityAssociation[], options: InboundSaOptions = {}): UnderlayDecoder {
  const sad = new Sad<InboundSa>();
  for (const sa of sas) sad.add(new InboundSa(sa, aead, options));
  return new UnderlayDecoder({ esp: new InboundEsp(aead, sad) });
}

function senderOf(sa: SecurityAssociation): OutboundSa {
  return new OutboundSa(sa, aead, { ivMask: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) });
}

const sealer = new OutboundEsp(aead, 1);

/** An IP packet as its sender encrypts it. */
function seal(sender: OutboundSa, packet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(128 + packet.length);
  bytes.set(packet, 80);
  assert.equal(sealer.push(sender, bytes, 80, 80 + packet.length, 0), EspDrop.None);
  sealer.flush();
  return bytes.slice(sealer.start, sealer.end);
}

/** ESP built without the library: any sequence number, payload and trailer. */
function sealByHand(family: Family, spi: number, sequence: number, plain: Uint8Array, icvLength = 8): Uint8Array {
  const header = Buffer.alloc(16);
  header.writeUInt32BE(spi, 0);
  header.writeUInt32BE(sequence, 4);
  header.writeUInt32BE(sequence, 12);
  const nonce = Buffer.concat([MATERIAL.subarray(16), header.subarray(8)]);
  const cipher = createCipheriv('aes-128-gcm', MATERIAL.subarray(0, 16), nonce, { authTagLength: icvLength });
  cipher.setAAD(header.subarray(0, 8));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return ip(family, IpProtocol.Esp, Buffer.concat([header, sealed]));
}

function onWire(packet: Uint8Array): Uint8Array {
  return ethernet(packet, packet[0] >>> 4 === 4 ? EtherType.Ipv4 : EtherType.Ipv6);
}

function sumHolds(decoder: UnderlayDecoder): void {
  const { packets, framePackets, espPackets, otherPackets, held, frames } = decoder;
  assert.ok(frames <= framePackets);
  const dropped = decoder.drops.total;
  assert.equal(packets, framePackets + espPackets + otherPackets + held + dropped);
}

/** The verdict's name (for a dropped packet, the reason) of an IP packet on Ethernet. */
function receive(decoder: UnderlayDecoder, packet: Uint8Array, seconds = 0, captured?: number): string {
  const bytes = onWire(packet).slice();
  const given = bytes.slice();
  const verdict = decoder.receive(LinkType.Ethernet, bytes, 0, captured ?? bytes.length, bytes.length, seconds);
  sumHolds(decoder);
  assert.deepEqual(bytes, given, 'the packet is the caller’s: opening it must not change it');
  return verdict === Verdict.Dropped ? dropReasonName(decoder.reason) : VERDICTS[verdict];
}

function frame(decoder: UnderlayDecoder): Uint8Array {
  return decoder.outerBytes.slice(decoder.frameOffset, decoder.frameEnd);
}

function drops(decoder: UnderlayDecoder): Record<string, number> {
  const found: Record<string, number> = {};
  decoder.drops.counts.forEach((count, reason) => {
    if (count > 0) found[dropReasonName(reason)] = count;
  });
  return found;
}

function overlay(family: Family, vni = 4099, inner = FRAME): Uint8Array {
  return udpIp(family, 4789, vxlan(vni, inner));
}

/** A built packet, for fragmentation. */
function cuttable(family: Family, packet: Uint8Array, id = 1): Packet {
  const bytes = packet.slice();
  if (family === 4) bytes.set([id >>> 8, id & 0xff], 4);
  return { bytes, headerLength: family === 4 ? 20 : 40, announcedAt: family === 4 ? -1 : 6 };
}

const MODES: [what: string, more: Partial<SecurityAssociation>][] = [
  ['transport mode', {}],
  ['tunnel mode', { mode: 'tunnel' }],
  ['transport mode in UDP', { encap: { sourcePort: 4500, destinationPort: 4500 } }],
  ['tunnel mode in UDP', { mode: 'tunnel', encap: { sourcePort: 4500, destinationPort: 4500 } }],
  ['ESN and a long ICV', { esn: true, replayWindow: 64, icvLength: 16 }],
];

for (const family of FAMILIES) {
  describe(`decrypted over IPv${family}`, () => {
    for (const [what, more] of MODES) {
      test(`${what}: gives the frame that was encrypted, and the fields of the ESP packet`, () => {
        const sa = association(family, 0xc0ffee01, more);
        const decoder = receiverOf([sa]);
        const sender = senderOf(sa);
        for (let sequence = 1; sequence <= 3; sequence++) {
          const sealed = seal(sender, overlay(family));
          assert.equal(receive(decoder, sealed), 'Frame');
          assert.deepEqual(frame(decoder), FRAME);
          assert.deepEqual([decoder.vni, decoder.parts, decoder.encrypted, decoder.opened], [4099, 1, true, true]);
          assert.deepEqual([decoder.spi, decoder.sequence, decoder.sequenceHigh], [0xc0ffee01, sequence, 0]);
          assert.deepEqual([decoder.espFamily, decoder.espInUdp], [family, more.encap !== undefined]);
          assert.equal(decoder.espBytes, sealed.length);
          const at = family === 4 ? 12 : 8;
          const span = family === 4 ? 8 : 32;
          assert.deepEqual(decoder.espAddresses.slice(0, span), sealed.slice(at, at + span));
          const end = new DataView(sealed.buffer, sealed.byteOffset).getInt32(sealed.length - 4);
          assert.equal(decoder.icvEnd, end);
          assert.deepEqual([decoder.ivHigh, decoder.ivLow], [0x01020304, 0x05060708 ^ sequence]);
        }
        assert.deepEqual(
          [decoder.frames, decoder.framePackets, decoder.openedPackets, decoder.espPackets],
          [3, 3, 3, 0],
        );
      });

      test(`${what}, in fragments: counts all of them as packets`, () => {
        const sa = association(family, 0xc0ffee02, more);
        const decoder = receiverOf([sa]);
        const parts = split(cuttable(family, seal(senderOf(sa), overlay(family))), [4, 9]);
        assert.deepEqual(
          [2, 0, 1].map((i) => receive(decoder, parts[i])),
          ['Held', 'Held', 'Frame'],
        );
        assert.deepEqual(frame(decoder), FRAME);
        assert.deepEqual([decoder.parts, decoder.framePackets, decoder.openedPackets, decoder.held], [3, 3, 3, 0]);
      });
    }

    test('encrypted other traffic is other traffic, and counts as decrypted', () => {
      const sa = association(family, 5);
      const decoder = receiverOf([sa]);
      assert.equal(receive(decoder, seal(senderOf(sa), udpIp(family, 53, noise(30, 1)))), 'Other');
      assert.deepEqual([decoder.otherPackets, decoder.openedPackets, decoder.opened], [1, 1, true]);
    });

    test('a malformed payload is dropped for its own reason', () => {
      const sa = association(family, 5);
      const decoder = receiverOf([sa]);
      const sender = senderOf(sa);
      assert.equal(receive(decoder, seal(sender, udpIp(family, 4789, vxlan(4099, FRAME, 0)))), 'VXLAN_INVALID_HDR');
      assert.equal(receive(decoder, seal(sender, udpIp(family, 4789, new Uint8Array(4)))), 'VXLAN_INVALID_HDR');
      assert.equal(
        receive(decoder, seal(sender, udpIp(family, 4789, vxlan(1, FRAME.subarray(0, 9))))),
        'PKT_TOO_SMALL',
      );
      assert.deepEqual([decoder.openedPackets, decoder.frames], [3, 0]);
    });

    test('nested ESP is other traffic, with and without UDP and keys', () => {
      for (const more of [{}, { encap: { sourcePort: 4500, destinationPort: 4500 } }]) {
        const inside = association(family, 0x11, more);
        const outside = association(family, 0x22);
        const tunnel = association(family, 0x33, { mode: 'tunnel' });
        const decoder = receiverOf([inside, outside, tunnel]);
        const once = seal(senderOf(inside), overlay(family));
        assert.equal(receive(decoder, once), 'Frame');
        for (const around of [outside, tunnel]) {
          assert.equal(receive(decoder, seal(senderOf(around), once)), 'Other');
          assert.deepEqual([decoder.spi, decoder.opened, decoder.encrypted, decoder.vni], [around.spi, true, true, -1]);
        }
        assert.deepEqual([decoder.otherPackets, decoder.openedPackets, decoder.frames], [2, 3, 1]);
      }
    });

    test('unencrypted packets among encrypted ones are unaffected', () => {
      const decoder = receiverOf([association(family, 5)]);
      assert.equal(receive(decoder, overlay(family)), 'Frame');
      assert.deepEqual([decoder.encrypted, decoder.opened, decoder.openedPackets], [false, false, 0]);
      assert.equal(decoder.outer.family, family);
    });

    test('decrypts nothing without keys', () => {
      const decoder = new UnderlayDecoder();
      const sealed = seal(senderOf(association(family, 0x77)), overlay(family));
      assert.equal(receive(decoder, sealed), 'Esp');
      assert.deepEqual(
        [decoder.espPackets, decoder.openedPackets, decoder.encrypted, decoder.opened],
        [1, 0, true, false],
      );
      assert.deepEqual([decoder.spi, decoder.sequence], [0x77, 1]);
    });
  });

  describe(`not decrypted over IPv${family}`, () => {
    const WINDOW = { replayWindow: 32 };
    const payload = overlay(family).slice(family === 4 ? 20 : 40);
    /** The payload and its ESP trailer. */
    const trailed = (pad: number[], length = pad.length, next = IpProtocol.Udp as number): Uint8Array =>
      join(payload, Uint8Array.from([...pad, length, next]));
    const GOOD = trailed(Array.from({ length: -(payload.length + 2) & 3 }, (_, i) => i + 1));

    test('no SA for the SPI, or for the destination', () => {
      const decoder = receiverOf([association(family, 5)]);
      assert.equal(receive(decoder, sealByHand(family, 6, 1, GOOD)), 'XfrmInNoStates');
      const away = association(family, 5, { destination: family === 4 ? '192.168.50.9' : 'fd50::9' });
      assert.equal(
        receive(decoder, seal(senderOf(away), udpIp(family, 4789, vxlan(1, FRAME), 'right', '', away.destination))),
        'XfrmInNoStates',
      );
      assert.deepEqual([decoder.encrypted, decoder.opened, decoder.espPackets], [true, false, 0]);
      assert.deepEqual(drops(decoder), { XfrmInNoStates: 2 });
    });

    test('a change to any byte', () => {
      const sealed = sealByHand(family, 5, 7, GOOD);
      const from = family === 4 ? 20 : 40;
      assert.equal(receive(receiverOf([association(family, 5)]), sealed), 'Frame');
      for (let at = from; at < sealed.length; at++) {
        const decoder = receiverOf([association(family, 5)]);
        const changed = sealed.slice();
        changed[at] ^= 0x40;
        assert.equal(
          receive(decoder, changed),
          at < from + 4 ? 'XfrmInNoStates' : 'XfrmInStateProtoError_Icv',
          `byte ${at}`,
        );
        assert.deepEqual([decoder.frames, decoder.openedPackets], [0, 0]);
      }
    });

    test('a wrong key, and an ICV of another length', () => {
      const other = association(family, 5, { keymat: new Keymat(new Uint8Array(20)) });
      assert.equal(receive(receiverOf([other]), sealByHand(family, 5, 1, GOOD)), 'XfrmInStateProtoError_Icv');
      const long = receiverOf([association(family, 5, { icvLength: 16 })]);
      assert.equal(receive(long, sealByHand(family, 5, 1, GOOD)), 'XfrmInStateProtoError_Icv');
      assert.equal(receive(long, sealByHand(family, 5, 1, GOOD, 16)), 'Frame');
    });

    test('a replayed sequence number; without a window it is decrypted again', () => {
      const windowed = receiverOf([association(family, 5, WINDOW)]);
      const sealed = sealByHand(family, 5, 9, GOOD);
      assert.deepEqual(
        [receive(windowed, sealed), receive(windowed, sealed)],
        ['Frame', 'XfrmInStateSeqError_Replayed'],
      );
      const none = receiverOf([association(family, 5)]);
      assert.deepEqual([receive(none, sealed), receive(none, sealed)], ['Frame', 'Frame']);
    });

    test('a sequence number below the window, and zero', () => {
      const decoder = receiverOf([association(family, 5, WINDOW)]);
      const give = (sequence: number): string => receive(decoder, sealByHand(family, 5, sequence, GOOD));
      assert.equal(give(0), 'XfrmInStateSeqError_Outside');
      assert.deepEqual(
        [give(100), give(69), give(68), give(1)],
        ['Frame', 'Frame', 'XfrmInStateSeqError_Outside', 'XfrmInStateSeqError_Outside'],
      );
    });

    test('a forged sequence number does not move the window', () => {
      const decoder = receiverOf([association(family, 5, WINDOW)]);
      const forged = sealByHand(family, 5, 5000, GOOD);
      forged[forged.length - 1] ^= 1;
      assert.equal(receive(decoder, forged), 'XfrmInStateProtoError_Icv');
      assert.equal(receive(decoder, sealByHand(family, 5, 1, GOOD)), 'Frame');
    });

    test('padding that exceeds the packet, or is not 1, 2, 3', () => {
      const decoder = receiverOf([association(family, 5)]);
      let sequence = 0;
      const give = (plain: Uint8Array): string => receive(decoder, sealByHand(family, 5, ++sequence, plain));
      assert.equal(give(trailed([1, 2, 3, 4, 5])), 'Frame');
      assert.equal(give(trailed([])), 'Frame');
      for (const wrong of [[0], [2], [1, 1], [1, 2, 4], [3, 2, 1], [0, 0, 0]]) {
        assert.equal(give(trailed(wrong)), 'XfrmInStateProtoError_Padding', wrong.join());
      }
      assert.equal(give(trailed([], 255)), 'XfrmInStateProtoError_Padding');
      assert.equal(give(Uint8Array.of(1, 2, 1, 17)), 'XfrmInStateProtoError_Padding');
      assert.equal(give(Uint8Array.of(3, 17)), 'XfrmInStateProtoError_Padding');
    });

    test('a dummy packet', () => {
      const decoder = receiverOf([association(family, 5)]);
      const dummy = trailed([1, 2], 2, IpProtocol.NoNext);
      assert.equal(receive(decoder, sealByHand(family, 5, 1, dummy)), 'ESP_DUMMY');
      assert.deepEqual(drops(decoder), { ESP_DUMMY: 1 });
      assert.deepEqual([decoder.opened, decoder.frames], [false, 0]);
    });

    test('tunnel mode without an IP packet, or with the other IP version', () => {
      const decoder = receiverOf([association(family, 5, { mode: 'tunnel' })]);
      assert.equal(receive(decoder, sealByHand(family, 5, 1, GOOD)), 'XfrmInStateModeError');
      const inside = overlay(family);
      const wrong = family === 4 ? IpProtocol.Ipv6 : IpProtocol.Ipip;
      assert.equal(receive(decoder, sealByHand(family, 5, 2, join(inside, Uint8Array.of(0, wrong)))), 'IP_INHDR');
    });

    test('ESP in UDP for an SA without UDP encapsulation, and the reverse', () => {
      const encap = { encap: { sourcePort: 4500, destinationPort: 4500 } };
      const bare = receiverOf([association(family, 5)]);
      const natted = receiverOf([association(family, 5, encap)]);
      assert.equal(
        receive(bare, seal(senderOf(association(family, 5, encap)), overlay(family))),
        'XfrmInStateMismatch',
      );
      assert.equal(receive(natted, seal(senderOf(association(family, 5)), overlay(family))), 'XfrmInStateMismatch');
      const inferMode = receiverOf([association(family, 5)], { inferMode: true });
      for (const [, more] of MODES.slice(0, 4)) {
        assert.equal(receive(inferMode, seal(senderOf(association(family, 5, more)), overlay(family))), 'Frame');
      }
    });

    test('too short for trailer and ICV', () => {
      const decoder = receiverOf([association(family, 5)]);
      for (let length = 8; length < 16 + 2 + 8; length++) {
        const esp = new Uint8Array(length);
        esp[3] = 5;
        assert.equal(receive(decoder, ip(family, IpProtocol.Esp, esp)), 'XfrmInHdrError_Short', `${length} bytes`);
      }
    });

    test('truncated by a snaplen anywhere: CAPTURE_TRUNCATED, and nothing is decrypted', () => {
      for (const [, more] of MODES) {
        const sa = association(family, 5, more);
        const sealed = seal(senderOf(sa), overlay(family));
        const decoder = receiverOf([sa]);
        for (let captured = 0; captured < 14 + sealed.length; captured++) {
          assert.equal(receive(decoder, sealed, 0, captured), 'CAPTURE_TRUNCATED', `cut to ${captured}`);
        }
        assert.equal(decoder.openedPackets, 0);
        assert.equal(receive(decoder, sealed), 'Frame');
      }
    });

    test('fragments of a malformed ESP packet are dropped together', () => {
      const sealed = sealByHand(family, 5, 1, GOOD);
      sealed[sealed.length - 1] ^= 1;
      const decoder = receiverOf([association(family, 5)]);
      const parts = split(cuttable(family, sealed), [4, 9]).map((part) => receive(decoder, part));
      assert.deepEqual(parts, ['Held', 'Held', 'XfrmInStateProtoError_Icv']);
      assert.deepEqual(drops(decoder), { XfrmInStateProtoError_Icv: 3 });
    });
  });

  describe(`fragments inside ESP over IPv${family}`, () => {
    const sa = association(family, 0x99, { mode: 'tunnel' });
    const clearParts = (id = 1): Uint8Array[] => split(cuttable(family, overlay(family), id), [4, 9], { id });

    test('encrypted fragments are reassembled into the whole frame', () => {
      const decoder = receiverOf([sa]);
      const sender = senderOf(sa);
      const verdicts = clearParts().map((part) => receive(decoder, seal(sender, part)));
      assert.deepEqual(verdicts, ['Held', 'Held', 'Frame']);
      assert.deepEqual(frame(decoder), FRAME);
      assert.deepEqual([decoder.parts, decoder.framePackets, decoder.openedPackets, decoder.held], [3, 3, 3, 0]);
      assert.equal(decoder.opened, true);
    });

    test('an unencrypted fragment never completes a datagram of encrypted ones', () => {
      for (const clear of [0, 1, 2]) {
        const decoder = receiverOf([sa]);
        const sender = senderOf(sa);
        clearParts().forEach((part, i) =>
          assert.equal(receive(decoder, i === clear ? part : seal(sender, part)), 'Held'),
        );
        assert.deepEqual([decoder.held, decoder.frames], [3, 0]);
        assert.equal(receive(decoder, seal(sender, clearParts()[clear])), 'Frame');
        assert.deepEqual([decoder.held, decoder.opened], [1, true]);
      }
    });

    test('an encrypted fragment never completes a datagram of unencrypted ones', () => {
      for (const sealed of [0, 1, 2]) {
        const decoder = receiverOf([sa]);
        const sender = senderOf(sa);
        clearParts().forEach((part, i) =>
          assert.equal(receive(decoder, i === sealed ? seal(sender, part) : part), 'Held'),
        );
        assert.deepEqual([decoder.held, decoder.frames], [3, 0]);
        assert.equal(receive(decoder, clearParts()[sealed]), 'Frame');
        assert.deepEqual([decoder.held, decoder.opened], [1, false]);
      }
    });

    test('an unencrypted fragment never poisons an encrypted datagram, nor the reverse', () => {
      const decoder = receiverOf([sa]);
      const sender = senderOf(sa);
      const other = split(cuttable(family, udpIp(family, 4789, noise(180, 5))), [2, 7], { id: 1 });
      const good = clearParts();
      assert.equal(receive(decoder, seal(sender, good[0])), 'Held');
      for (const part of other) receive(decoder, part);
      assert.deepEqual(
        [1, 2].map((i) => receive(decoder, seal(sender, good[i]))),
        ['Held', 'Frame'],
      );
      assert.deepEqual(frame(decoder), FRAME);
      assert.equal(receive(decoder, good[0]), 'Held');
      for (const part of other) receive(decoder, seal(sender, part));
      assert.deepEqual(
        [1, 2].map((i) => receive(decoder, good[i])),
        ['Held', 'Frame'],
      );
    });

    test('encrypted fragments may be fragmented too, and count as the packets that carried them', () => {
      const decoder = receiverOf([sa]);
      const sender = senderOf(sa);
      const verdicts = clearParts().flatMap((part, i) =>
        split(cuttable(family, seal(sender, part), 7 + i), [3], { id: 7 + i }).map((piece) => receive(decoder, piece)),
      );
      assert.deepEqual(verdicts, ['Held', 'Held', 'Held', 'Held', 'Held', 'Frame']);
      assert.deepEqual(frame(decoder), FRAME);
      assert.deepEqual([decoder.parts, decoder.framePackets, decoder.openedPackets, decoder.held], [6, 6, 6, 0]);
    });

    test('an encrypted fragment that was itself fragmented is dropped with all of its fragments', () => {
      const decoder = receiverOf([sa]);
      const sealed = seal(senderOf(sa), clearParts()[0]);
      for (const piece of split(cuttable(family, sealed, 7), [3], { id: 7 })) receive(decoder, piece, 0);
      assert.equal(decoder.held, 2);
      assert.equal(receive(decoder, seal(senderOf(sa), clearParts(2)[0]), 100), 'Held');
      assert.deepEqual([drops(decoder), decoder.held], [{ FRAG_REASM_TIMEOUT: 2 }, 1]);
    });

    test('incomplete datagrams of encrypted fragments time out', () => {
      const decoder = receiverOf([sa]);
      const sender = senderOf(sa);
      assert.equal(receive(decoder, seal(sender, clearParts(1)[0]), 0), 'Held');
      assert.equal(receive(decoder, seal(sender, clearParts(2)[0]), 100), 'Held');
      assert.equal(decoder.held, 1);
      assert.deepEqual(drops(decoder), { FRAG_REASM_TIMEOUT: 1 });
    });
  });
}

/** A packet that may arrive, as one wire packet per part. */
type Kind =
  | 'clear'
  | 'clearParts'
  | 'sealed'
  | 'sealedParts'
  | 'tunnel'
  | 'tunnelParts'
  | 'damaged'
  | 'replayed'
  | 'stranger'
  | 'cut'
  | 'twice'
  | 'other'
  | 'noise';
const KINDS: readonly Kind[] = [
  'clear',
  'clearParts',
  'sealed',
  'sealedParts',
  'tunnel',
  'tunnelParts',
  'damaged',
  'replayed',
  'stranger',
  'cut',
  'twice',
  'other',
  'noise',
];

interface OnWire {
  readonly packet: Uint8Array;
  readonly captured: number;
  /** The verdict, if one packet alone determines it. */
  readonly expected?: string;
}

test('accounts for all packets of any sequence, with keys and without (400 sequences)', () => {
  const step = fc.record({
    kind: fc.constantFrom(...KINDS),
    family: fc.constantFrom(...FAMILIES),
    units: fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 3 }),
    /** Which of the parts are lost, and which are duplicated. */
    lost: fc.nat(7),
    doubled: fc.nat(7),
    value: fc.nat(),
  });
  const sample = fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 25 }),
    order: fc.boolean(),
    keys: fc.constantFrom(true, true, true, false),
  });
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(sample, ({ steps, order, keys }) => {
      const sas = {
        4: {
          plain: association(4, 0x41, { replayWindow: 64 }),
          tunnel: association(4, 0x42, { mode: 'tunnel' }),
          stranger: association(4, 0x4f),
        },
        6: {
          plain: association(6, 0x61, { replayWindow: 64 }),
          tunnel: association(6, 0x62, { mode: 'tunnel' }),
          stranger: association(6, 0x6f),
        },
      };
      const decoder = keys
        ? receiverOf([sas[4].plain, sas[4].tunnel, sas[6].plain, sas[6].tunnel], { midStream: true })
        : new UnderlayDecoder();
      const senders = {
        4: { plain: senderOf(sas[4].plain), tunnel: senderOf(sas[4].tunnel), stranger: senderOf(sas[4].stranger) },
        6: { plain: senderOf(sas[6].plain), tunnel: senderOf(sas[6].tunnel), stranger: senderOf(sas[6].stranger) },
      };
      const wire: OnWire[] = [];
      const put = (packet: Uint8Array, expected?: string, captured = 14 + packet.length): void => {
        wire.push({ packet, captured, ...(expected === undefined ? {} : { expected }) });
      };
      steps.forEach(({ kind, family, units, lost, doubled, value }, index) => {
        const sender = senders[family];
        const id = 1 + index;
        const cutUp = (packet: Uint8Array): Uint8Array[] =>
          split(cuttable(family, packet, id), units, { id }).flatMap((part, i) => {
            if (lost === i) return [];
            return doubled === i ? [part, part] : [part];
          });
        const opened = (verdict: string): string => (keys ? verdict : 'Esp');
        switch (kind) {
          case 'clear': {
            put(overlay(family), 'Frame');
            return;
          }
          case 'clearParts': {
            cutUp(overlay(family)).forEach((part) => put(part));
            return;
          }
          case 'sealed': {
            put(seal(sender.plain, overlay(family)), opened('Frame'));
            return;
          }
          case 'sealedParts': {
            cutUp(seal(sender.tunnel, overlay(family))).forEach((part) => put(part));
            return;
          }
          case 'tunnel': {
            put(seal(sender.tunnel, overlay(family)), opened('Frame'));
            return;
          }
          case 'tunnelParts': {
            cutUp(overlay(family)).forEach((part) => put(seal(sender.tunnel, part)));
            return;
          }
          case 'damaged': {
            const sealed = seal(sender.tunnel, overlay(family));
            sealed[sealed.length - 1 - (value % 60)] ^= 1 + (value % 255);
            put(sealed, opened('XfrmInStateProtoError_Icv'));
            return;
          }
          case 'replayed': {
            const sealed = seal(sender.plain, overlay(family));
            put(sealed, opened('Frame'));
            put(sealed, opened('XfrmInStateSeqError_Replayed'));
            return;
          }
          case 'stranger': {
            put(seal(sender.stranger, overlay(family)), opened('XfrmInNoStates'));
            return;
          }
          case 'cut': {
            const sealed = seal(sender.tunnel, overlay(family));
            const captured = value % (14 + sealed.length);
            const header = 14 + (family === 4 ? 20 : 40) + 8;
            put(sealed, keys || captured < header ? 'CAPTURE_TRUNCATED' : 'Esp', captured);
            return;
          }
          case 'twice': {
            put(seal(sender.tunnel, seal(sender.plain, overlay(family))), opened('Other'));
            return;
          }
          case 'other': {
            put(seal(sender.tunnel, udpIp(family, 53, noise(20, value))), opened('Other'));
            return;
          }
          default: {
            put(
              family === 4
                ? ipv4Packet(noise(50, value), { protocol: value & 0xff }).bytes
                : ipv6Packet(noise(50, value), { protocol: value & 0xff }).bytes,
            );
            return;
          }
        }
      });
      // Reordering changes which packets are replays and which are late, so only the sum is known.
      if (!order)
        wire.sort(
          (a, b) => ((a.packet[30] * 31 + a.packet.length) & 63) - ((b.packet[30] * 31 + b.packet.length) & 63),
        );
      wire.forEach(({ packet, captured, expected }, i) => {
        const verdict = receive(decoder, packet, i, captured);
        seen.set(verdict, (seen.get(verdict) ?? 0) + 1);
        if (order && expected !== undefined) assert.equal(verdict, expected);
        if (verdict === 'Frame') assert.deepEqual(frame(decoder), FRAME);
      });
      assert.equal(decoder.packets, wire.length);
    }),
    { seed: SEED, numRuns: 400 },
  );
  for (const verdict of [
    'Frame',
    'Held',
    'Esp',
    'Other',
    'CAPTURE_TRUNCATED',
    'XfrmInNoStates',
    'XfrmInStateProtoError_Icv',
    'XfrmInStateSeqError_Replayed',
    'DUP_FRAG',
  ]) {
    assert.ok((seen.get(verdict) ?? 0) > 20, `${verdict}: ${seen.get(verdict)}`);
  }
});
