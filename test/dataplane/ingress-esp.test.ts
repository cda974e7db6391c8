/** Encrypted packets on the way in: what is opened goes on as what it held, what is not is counted by its reason. */
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { nodeBackend } from '../../src/aead/index.js';
import { LinkType } from '../../src/capture/index.js';
import { dropReasonName, Ingress, Verdict } from '../../src/dataplane/index.js';
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
const VERDICTS = Object.keys(Verdict);
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

/** An ingress that holds SAs. */
function receiverOf(sas: readonly SecurityAssociation[], options: InboundSaOptions = {}): Ingress {
  const sad = new Sad<InboundSa>();
  for (const sa of sas) sad.add(new InboundSa(sa, aead, options));
  return new Ingress({ esp: new InboundEsp(aead, sad) });
}

function senderOf(sa: SecurityAssociation): OutboundSa {
  return new OutboundSa(sa, aead, { ivMask: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) });
}

const sealer = new OutboundEsp(aead, 1);

/** An IP packet as its sender puts it on the wire. */
function seal(sender: OutboundSa, packet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(128 + packet.length);
  bytes.set(packet, 80);
  assert.equal(sealer.push(sender, bytes, 80, 80 + packet.length, 0), EspDrop.None);
  sealer.flush();
  return bytes.slice(sealer.start, sealer.end);
}

/** ESP made without the library: any sequence number, payload and trailer. */
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

function sumHolds(ingress: Ingress): void {
  const { packets, framePackets, espPackets, otherPackets, held, frames } = ingress;
  assert.ok(frames <= framePackets);
  const dropped = ingress.drops().reduce((sum, count) => sum + count, 0);
  assert.equal(packets, framePackets + espPackets + otherPackets + held + dropped);
}

/** The verdict in words (for a dropped packet, the reason) of an IP packet on Ethernet. */
function receive(ingress: Ingress, packet: Uint8Array, seconds = 0, captured?: number): string {
  const bytes = onWire(packet).slice();
  const given = bytes.slice();
  const verdict = ingress.receive(LinkType.Ethernet, bytes, 0, captured ?? bytes.length, bytes.length, seconds);
  sumHolds(ingress);
  assert.deepEqual(bytes, given, 'the packet is the caller’s: opening it must not change it');
  return verdict === Verdict.Dropped ? dropReasonName(ingress.reason) : VERDICTS[verdict];
}

function frame(ingress: Ingress): Uint8Array {
  return ingress.outerBytes.slice(ingress.frameOffset, ingress.frameEnd);
}

function drops(ingress: Ingress): Record<string, number> {
  const found: Record<string, number> = {};
  ingress.drops().forEach((count, reason) => {
    if (count > 0) found[dropReasonName(reason)] = count;
  });
  return found;
}

function overlay(family: Family, vni = 4099, inner = FRAME): Uint8Array {
  return udpIp(family, 4789, vxlan(vni, inner));
}

/** What was built, as something that can be cut. */
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
  describe(`opened over IPv${family}`, () => {
    for (const [what, more] of MODES) {
      test(`${what}: the frame is the one that was sealed, and the fields are the ESP packet’s`, () => {
        const sa = association(family, 0xc0ffee01, more);
        const ingress = receiverOf([sa]);
        const sender = senderOf(sa);
        for (let sequence = 1; sequence <= 3; sequence++) {
          const sealed = seal(sender, overlay(family));
          assert.equal(receive(ingress, sealed), 'Frame');
          assert.deepEqual(frame(ingress), FRAME);
          assert.deepEqual([ingress.vni, ingress.parts, ingress.encrypted, ingress.opened], [4099, 1, true, true]);
          assert.deepEqual([ingress.spi, ingress.sequence, ingress.sequenceHigh], [0xc0ffee01, sequence, 0]);
          assert.deepEqual([ingress.espFamily, ingress.espInUdp], [family, more.encap !== undefined]);
          assert.equal(ingress.espBytes, sealed.length);
          const at = family === 4 ? 12 : 8;
          const span = family === 4 ? 8 : 32;
          assert.deepEqual(ingress.espAddresses.slice(0, span), sealed.slice(at, at + span));
          const end = new DataView(sealed.buffer, sealed.byteOffset).getInt32(sealed.length - 4);
          assert.equal(ingress.icvEnd, end);
          assert.deepEqual([ingress.ivHigh, ingress.ivLow], [0x01020304, 0x05060708 ^ sequence]);
        }
        assert.deepEqual(
          [ingress.frames, ingress.framePackets, ingress.openedPackets, ingress.espPackets],
          [3, 3, 3, 0],
        );
      });

      test(`${what}, in fragments: as many packets as there were`, () => {
        const sa = association(family, 0xc0ffee02, more);
        const ingress = receiverOf([sa]);
        const parts = split(cuttable(family, seal(senderOf(sa), overlay(family))), [4, 9]);
        assert.deepEqual(
          [2, 0, 1].map((i) => receive(ingress, parts[i])),
          ['Held', 'Held', 'Frame'],
        );
        assert.deepEqual(frame(ingress), FRAME);
        assert.deepEqual([ingress.parts, ingress.framePackets, ingress.openedPackets, ingress.held], [3, 3, 3, 0]);
      });
    }

    test('other traffic that was sealed is other traffic, and counts as opened', () => {
      const sa = association(family, 5);
      const ingress = receiverOf([sa]);
      assert.equal(receive(ingress, seal(senderOf(sa), udpIp(family, 53, noise(30, 1)))), 'Other');
      assert.deepEqual([ingress.otherPackets, ingress.openedPackets, ingress.opened], [1, 1, true]);
    });

    test('what is sealed and bad is dropped by its own reason', () => {
      const sa = association(family, 5);
      const ingress = receiverOf([sa]);
      const sender = senderOf(sa);
      assert.equal(receive(ingress, seal(sender, udpIp(family, 4789, vxlan(4099, FRAME, 0)))), 'VXLAN_INVALID_HDR');
      assert.equal(receive(ingress, seal(sender, udpIp(family, 4789, new Uint8Array(4)))), 'VXLAN_INVALID_HDR');
      assert.equal(
        receive(ingress, seal(sender, udpIp(family, 4789, vxlan(1, FRAME.subarray(0, 9))))),
        'PKT_TOO_SMALL',
      );
      assert.deepEqual([ingress.openedPackets, ingress.frames], [3, 0]);
    });

    test('ESP in ESP is other traffic, bare and in UDP, whoever has the keys', () => {
      for (const more of [{}, { encap: { sourcePort: 4500, destinationPort: 4500 } }]) {
        const inside = association(family, 0x11, more);
        const outside = association(family, 0x22);
        const tunnel = association(family, 0x33, { mode: 'tunnel' });
        const ingress = receiverOf([inside, outside, tunnel]);
        const once = seal(senderOf(inside), overlay(family));
        assert.equal(receive(ingress, once), 'Frame');
        for (const around of [outside, tunnel]) {
          assert.equal(receive(ingress, seal(senderOf(around), once)), 'Other');
          assert.deepEqual([ingress.spi, ingress.opened, ingress.encrypted, ingress.vni], [around.spi, true, true, -1]);
        }
        assert.deepEqual([ingress.otherPackets, ingress.openedPackets, ingress.frames], [2, 3, 1]);
      }
    });

    test('clear packets beside sealed ones are as they were', () => {
      const ingress = receiverOf([association(family, 5)]);
      assert.equal(receive(ingress, overlay(family)), 'Frame');
      assert.deepEqual([ingress.encrypted, ingress.opened, ingress.openedPackets], [false, false, 0]);
      assert.equal(ingress.outer.family, family);
    });

    test('without keys nothing is opened', () => {
      const ingress = new Ingress();
      const sealed = seal(senderOf(association(family, 0x77)), overlay(family));
      assert.equal(receive(ingress, sealed), 'Esp');
      assert.deepEqual(
        [ingress.espPackets, ingress.openedPackets, ingress.encrypted, ingress.opened],
        [1, 0, true, false],
      );
      assert.deepEqual([ingress.spi, ingress.sequence], [0x77, 1]);
    });
  });

  describe(`not opened over IPv${family}`, () => {
    const WINDOW = { replayWindow: 32 };
    const payload = overlay(family).slice(family === 4 ? 20 : 40);
    /** The payload with the trailer that a sender puts behind it. */
    const trailed = (pad: number[], length = pad.length, next = IpProtocol.Udp as number): Uint8Array =>
      join(payload, Uint8Array.from([...pad, length, next]));
    const GOOD = trailed(Array.from({ length: -(payload.length + 2) & 3 }, (_, i) => i + 1));

    test('no SA: by SPI, and by destination', () => {
      const ingress = receiverOf([association(family, 5)]);
      assert.equal(receive(ingress, sealByHand(family, 6, 1, GOOD)), 'XfrmInNoStates');
      const away = association(family, 5, { destination: family === 4 ? '192.168.50.9' : 'fd50::9' });
      assert.equal(
        receive(ingress, seal(senderOf(away), udpIp(family, 4789, vxlan(1, FRAME), 'right', '', away.destination))),
        'XfrmInNoStates',
      );
      assert.deepEqual([ingress.encrypted, ingress.opened, ingress.espPackets], [true, false, 0]);
      assert.deepEqual(drops(ingress), { XfrmInNoStates: 2 });
    });

    test('every byte counts: a packet with a changed one is never opened', () => {
      const sealed = sealByHand(family, 5, 7, GOOD);
      const from = family === 4 ? 20 : 40;
      assert.equal(receive(receiverOf([association(family, 5)]), sealed), 'Frame');
      for (let at = from; at < sealed.length; at++) {
        const ingress = receiverOf([association(family, 5)]);
        const changed = sealed.slice();
        changed[at] ^= 0x40;
        assert.equal(
          receive(ingress, changed),
          at < from + 4 ? 'XfrmInNoStates' : 'XfrmInStateProtoError_Icv',
          `byte ${at}`,
        );
        assert.deepEqual([ingress.frames, ingress.openedPackets], [0, 0]);
      }
    });

    test('another key, and an ICV of another length', () => {
      const other = association(family, 5, { keymat: new Keymat(new Uint8Array(20)) });
      assert.equal(receive(receiverOf([other]), sealByHand(family, 5, 1, GOOD)), 'XfrmInStateProtoError_Icv');
      const long = receiverOf([association(family, 5, { icvLength: 16 })]);
      assert.equal(receive(long, sealByHand(family, 5, 1, GOOD)), 'XfrmInStateProtoError_Icv');
      assert.equal(receive(long, sealByHand(family, 5, 1, GOOD, 16)), 'Frame');
    });

    test('a replayed sequence number; without a window it is opened again', () => {
      const windowed = receiverOf([association(family, 5, WINDOW)]);
      const sealed = sealByHand(family, 5, 9, GOOD);
      assert.deepEqual(
        [receive(windowed, sealed), receive(windowed, sealed)],
        ['Frame', 'XfrmInStateSeqError_Replayed'],
      );
      const none = receiverOf([association(family, 5)]);
      assert.deepEqual([receive(none, sealed), receive(none, sealed)], ['Frame', 'Frame']);
    });

    test('a sequence number before the window, and zero', () => {
      const ingress = receiverOf([association(family, 5, WINDOW)]);
      const give = (sequence: number): string => receive(ingress, sealByHand(family, 5, sequence, GOOD));
      assert.equal(give(0), 'XfrmInStateSeqError_Outside');
      assert.deepEqual(
        [give(100), give(69), give(68), give(1)],
        ['Frame', 'Frame', 'XfrmInStateSeqError_Outside', 'XfrmInStateSeqError_Outside'],
      );
    });

    test('a forged number does not move the window', () => {
      const ingress = receiverOf([association(family, 5, WINDOW)]);
      const forged = sealByHand(family, 5, 5000, GOOD);
      forged[forged.length - 1] ^= 1;
      assert.equal(receive(ingress, forged), 'XfrmInStateProtoError_Icv');
      assert.equal(receive(ingress, sealByHand(family, 5, 1, GOOD)), 'Frame');
    });

    test('padding that leads beyond the packet, or is not 1, 2, 3', () => {
      const ingress = receiverOf([association(family, 5)]);
      let sequence = 0;
      const give = (plain: Uint8Array): string => receive(ingress, sealByHand(family, 5, ++sequence, plain));
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
      const ingress = receiverOf([association(family, 5)]);
      const dummy = trailed([1, 2], 2, IpProtocol.NoNext);
      assert.equal(receive(ingress, sealByHand(family, 5, 1, dummy)), 'ESP_DUMMY');
      assert.deepEqual(drops(ingress), { ESP_DUMMY: 1 });
      assert.deepEqual([ingress.opened, ingress.frames], [false, 0]);
    });

    test('tunnel mode that holds no IP packet, or not the one that it says', () => {
      const ingress = receiverOf([association(family, 5, { mode: 'tunnel' })]);
      assert.equal(receive(ingress, sealByHand(family, 5, 1, GOOD)), 'XfrmInStateModeError');
      const inside = overlay(family);
      const wrong = family === 4 ? IpProtocol.Ipv6 : IpProtocol.Ipip;
      assert.equal(receive(ingress, sealByHand(family, 5, 2, join(inside, Uint8Array.of(0, wrong)))), 'IP_INHDR');
    });

    test('ESP in UDP for an SA without, and the reverse', () => {
      const encap = { encap: { sourcePort: 4500, destinationPort: 4500 } };
      const bare = receiverOf([association(family, 5)]);
      const natted = receiverOf([association(family, 5, encap)]);
      assert.equal(
        receive(bare, seal(senderOf(association(family, 5, encap)), overlay(family))),
        'XfrmInStateMismatch',
      );
      assert.equal(receive(natted, seal(senderOf(association(family, 5)), overlay(family))), 'XfrmInStateMismatch');
      const lenient = receiverOf([association(family, 5)], { lenient: true });
      for (const [, more] of MODES.slice(0, 4)) {
        assert.equal(receive(lenient, seal(senderOf(association(family, 5, more)), overlay(family))), 'Frame');
      }
    });

    test('too short for trailer and ICV', () => {
      const ingress = receiverOf([association(family, 5)]);
      for (let length = 8; length < 16 + 2 + 8; length++) {
        const esp = new Uint8Array(length);
        esp[3] = 5;
        assert.equal(receive(ingress, ip(family, IpProtocol.Esp, esp)), 'XfrmInHdrError_Short', `${length} bytes`);
      }
    });

    test('cut by a snaplen anywhere, the capture is at fault and nothing is opened', () => {
      for (const [, more] of MODES) {
        const sa = association(family, 5, more);
        const sealed = seal(senderOf(sa), overlay(family));
        const ingress = receiverOf([sa]);
        for (let captured = 0; captured < 14 + sealed.length; captured++) {
          assert.equal(receive(ingress, sealed, 0, captured), 'CAPTURE_TRUNCATED', `cut to ${captured}`);
        }
        assert.equal(ingress.openedPackets, 0);
        assert.equal(receive(ingress, sealed), 'Frame');
      }
    });

    test('fragments of a sealed packet that is bad are dropped together', () => {
      const sealed = sealByHand(family, 5, 1, GOOD);
      sealed[sealed.length - 1] ^= 1;
      const ingress = receiverOf([association(family, 5)]);
      const parts = split(cuttable(family, sealed), [4, 9]).map((part) => receive(ingress, part));
      assert.deepEqual(parts, ['Held', 'Held', 'XfrmInStateProtoError_Icv']);
      assert.deepEqual(drops(ingress), { XfrmInStateProtoError_Icv: 3 });
    });
  });

  describe(`fragments inside a tunnel over IPv${family}`, () => {
    const sa = association(family, 0x99, { mode: 'tunnel' });
    const clearParts = (id = 1): Uint8Array[] => split(cuttable(family, overlay(family), id), [4, 9], { id });

    test('sealed fragments are put together: the frame is whole', () => {
      const ingress = receiverOf([sa]);
      const sender = senderOf(sa);
      const verdicts = clearParts().map((part) => receive(ingress, seal(sender, part)));
      assert.deepEqual(verdicts, ['Held', 'Held', 'Frame']);
      assert.deepEqual(frame(ingress), FRAME);
      assert.deepEqual([ingress.parts, ingress.framePackets, ingress.openedPackets, ingress.held], [3, 3, 3, 0]);
      assert.equal(ingress.opened, true);
    });

    test('a clear fragment never completes what sealed ones began', () => {
      for (const clear of [0, 1, 2]) {
        const ingress = receiverOf([sa]);
        const sender = senderOf(sa);
        clearParts().forEach((part, i) =>
          assert.equal(receive(ingress, i === clear ? part : seal(sender, part)), 'Held'),
        );
        assert.deepEqual([ingress.held, ingress.frames], [3, 0]);
        assert.equal(receive(ingress, seal(sender, clearParts()[clear])), 'Frame');
        assert.deepEqual([ingress.held, ingress.opened], [1, true]);
      }
    });

    test('a sealed fragment never completes what clear ones began', () => {
      for (const sealed of [0, 1, 2]) {
        const ingress = receiverOf([sa]);
        const sender = senderOf(sa);
        clearParts().forEach((part, i) =>
          assert.equal(receive(ingress, i === sealed ? seal(sender, part) : part), 'Held'),
        );
        assert.deepEqual([ingress.held, ingress.frames], [3, 0]);
        assert.equal(receive(ingress, clearParts()[sealed]), 'Frame');
        assert.deepEqual([ingress.held, ingress.opened], [1, false]);
      }
    });

    test('a clear fragment poisons no sealed datagram, nor the reverse', () => {
      const ingress = receiverOf([sa]);
      const sender = senderOf(sa);
      const other = split(cuttable(family, udpIp(family, 4789, noise(180, 5))), [2, 7], { id: 1 });
      const good = clearParts();
      assert.equal(receive(ingress, seal(sender, good[0])), 'Held');
      for (const part of other) receive(ingress, part);
      assert.deepEqual(
        [1, 2].map((i) => receive(ingress, seal(sender, good[i]))),
        ['Held', 'Frame'],
      );
      assert.deepEqual(frame(ingress), FRAME);
      assert.equal(receive(ingress, good[0]), 'Held');
      for (const part of other) receive(ingress, seal(sender, part));
      assert.deepEqual(
        [1, 2].map((i) => receive(ingress, good[i])),
        ['Held', 'Frame'],
      );
    });

    test('a fragment in a fragment is dropped with its parts', () => {
      const ingress = receiverOf([sa]);
      const inner = seal(senderOf(sa), clearParts()[0]);
      const verdicts = split(cuttable(family, inner, 7), [3], { id: 7 }).map((part) => receive(ingress, part));
      assert.deepEqual(verdicts, ['Held', 'IPV6_BAD_EXTHDR']);
      assert.deepEqual([drops(ingress), ingress.held], [{ IPV6_BAD_EXTHDR: 2 }, 0]);
    });

    test('sealed fragments whose rest does not come are given up in time', () => {
      const ingress = receiverOf([sa]);
      const sender = senderOf(sa);
      assert.equal(receive(ingress, seal(sender, clearParts(1)[0]), 0), 'Held');
      assert.equal(receive(ingress, seal(sender, clearParts(2)[0]), 100), 'Held');
      assert.equal(ingress.held, 1);
      assert.deepEqual(drops(ingress), { FRAG_REASM_TIMEOUT: 1 });
    });
  });
}

/** A thing that may come off the wire; each makes as many packets as it has parts. */
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
  /** The verdict, where one packet settles it alone. */
  readonly expected?: string;
}

test('whatever comes in whatever order, every packet is accounted for, with keys and without (400 sequences)', () => {
  const step = fc.record({
    kind: fc.constantFrom(...KINDS),
    family: fc.constantFrom(...FAMILIES),
    units: fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 3 }),
    /** Which of the parts are lost, and which come twice. */
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
      const ingress = keys
        ? receiverOf([sas[4].plain, sas[4].tunnel, sas[6].plain, sas[6].tunnel], { late: true })
        : new Ingress();
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
      // In another order replays and late ones change places, so that only the sum is known.
      if (!order)
        wire.sort(
          (a, b) => ((a.packet[30] * 31 + a.packet.length) & 63) - ((b.packet[30] * 31 + b.packet.length) & 63),
        );
      wire.forEach(({ packet, captured, expected }, i) => {
        const verdict = receive(ingress, packet, i, captured);
        seen.set(verdict, (seen.get(verdict) ?? 0) + 1);
        if (order && expected !== undefined) assert.equal(verdict, expected);
        if (verdict === 'Frame') assert.deepEqual(frame(ingress), FRAME);
      });
      assert.equal(ingress.packets, wire.length);
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
