/** The kernel's own ESP packets with one bit changed, truncated or extended: none of them may open. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Aead } from '../../src/aead/index.js';
import { openCaptureFile } from '../../src/capture/index.js';
import { UnderlayDecoder, Verdict } from '../../src/dataplane/index.js';
import {
  EspDrop,
  InboundEsp,
  InboundSa,
  parseXfrmState,
  Sad,
  type SecurityAssociation,
} from '../../src/ipsec/index.js';
import { EtherType, HeaderError, Layers, walkLink, writeIpv4Checksum } from '../../src/wire/index.js';
import { fixture } from '../repository.js';
import { ciphers, dice } from './build.js';

/** Small packets to change bit by bit, and larger ones with random bit changes. */
const SMALL = 12;
const LARGE = 6;
const BITS_OF_LARGE = 150;
const LINK_RAW = 101;

/** An ESP packet from its IP header on, and the offset of ESP in it. */
interface Sample {
  readonly packet: Uint8Array;
  readonly espOffset: number;
  readonly inUdp: boolean;
}

interface Recording {
  readonly name: string;
  readonly associations: readonly SecurityAssociation[];
  readonly samples: readonly Sample[];
}

/** All unfragmented ESP packets of a recording. */
async function espPackets(path: string): Promise<Sample[]> {
  const source = await openCaptureFile(path);
  const layers = new Layers();
  const samples: Sample[] = [];
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      const from = batch.offset[i];
      const to = from + batch.capturedLength[i];
      if (walkLink(layers, batch.linkType[i], batch.bytes, from, to, to) !== HeaderError.None || layers.isFragment)
        continue;
      const inUdp = layers.protocol === 17 && layers.destinationPort === 4500;
      if (layers.protocol !== 50 && !inUdp) continue;
      const packet = batch.bytes.slice(layers.networkOffset, layers.networkEnd);
      const at = inUdp ? layers.payloadOffset : layers.transportOffset;
      // A NAT keep-alive is one byte (RFC 3948 section 2.3).
      if (layers.networkEnd - at > 20) samples.push({ packet, espOffset: at - layers.networkOffset, inUdp });
    }
  }
  await source.close();
  return samples;
}

async function recordings(): Promise<Recording[]> {
  const folder = fixture('esp');
  const files = readdirSync(folder).sort();
  const found: Recording[] = [];
  for (const file of files.filter((name) => name.endsWith('.underlay.pcap'))) {
    const name = file.slice(0, -'.underlay.pcap'.length);
    const states = files.filter((other) => other.startsWith(`${name}.`) && other.endsWith('.xfrm.txt'));
    const text = states.map((state) => readFileSync(fixture(`esp/${state}`), 'utf8')).join('\n');
    const samples = await espPackets(fixture(`esp/${file}`));
    if (samples.length > 0) found.push({ name, associations: parseXfrmState(text).associations, samples });
  }
  return found;
}

/** The receiver with the SAs of a recording. */
class Receiver {
  readonly sad = new Sad<InboundSa>();
  readonly #esp: InboundEsp;
  readonly #layers = new Layers();

  constructor(
    associations: readonly SecurityAssociation[],
    private readonly aead: Aead,
  ) {
    for (const association of associations) this.sad.add(new InboundSa(association, aead, { midStream: true }));
    this.#esp = new InboundEsp(aead, this.sad);
  }

  /** Opens a copy of a packet, whose length fields are valid, as after the walk over its headers. */
  open(packet: Uint8Array): EspDrop | 'no ESP' {
    const bytes = packet.slice();
    const layers = this.#layers;
    const etherType = bytes[0] >>> 4 === 6 ? EtherType.Ipv6 : EtherType.Ipv4;
    if (layers.walkNetwork(bytes, etherType, 0, bytes.length) !== HeaderError.None) return 'no ESP';
    const inUdp = layers.protocol === 17;
    if (inUdp) return this.#esp.open(bytes, layers, layers.payloadOffset, layers.payloadEnd, 0);
    return this.#esp.open(bytes, layers, layers.transportOffset, layers.networkEnd, 0);
  }

  /** What the whole decoder says of it. */
  receive(packet: Uint8Array): { verdict: Verdict; opened: boolean } {
    const decoder = new UnderlayDecoder({ esp: new InboundEsp(this.aead, this.sad) });
    const bytes = packet.slice();
    const verdict = decoder.receive(LINK_RAW, bytes, 0, bytes.length, bytes.length, 0);
    return { verdict, opened: decoder.opened };
  }

  get verified(): number {
    let sum = 0;
    for (const sa of this.sad) sum += sa.verified;
    return sum;
  }

  close(): void {
    for (const sa of this.sad) sa.close();
  }
}

/** Resizes the packet, and updates the length fields before ESP. */
function resized({ packet, espOffset, inUdp }: Sample, espLength: number, roll: (limit: number) => number): Uint8Array {
  const bytes = Buffer.alloc(espOffset + espLength);
  for (let i = 0; i < bytes.length; i++) bytes[i] = i < packet.length ? packet[i] : roll(256);
  const six = packet[0] >>> 4 === 6;
  bytes.writeUInt16BE(six ? bytes.length - 40 : bytes.length, six ? 4 : 2);
  if (inUdp) bytes.writeUInt16BE(bytes.length - espOffset + 8, espOffset - 4);
  if (!six) writeIpv4Checksum(bytes, 0);
  return bytes;
}

const opens = (receiver: Receiver, packet: Uint8Array): boolean => receiver.open(packet) === EspDrop.None;

for (const aead of ciphers()) {
  describe(`RFC 4303 section 3.4.4: a recorded ESP packet changed anywhere does not open, ${aead.name}`, async () => {
    for (const { name, associations, samples } of await recordings()) {
      const trial = (): { receiver: Receiver; good: Sample[] } => {
        const probe = new Receiver(associations, aead);
        const good = samples.filter(({ packet }) => opens(probe, packet));
        probe.close();
        good.sort((a, b) => a.packet.length - b.packet.length);
        return { receiver: new Receiver(associations, aead), good };
      };

      test(`${name}: any single bit of ESP, including the SPI's`, () => {
        const { receiver, good } = trial();
        assert.ok(good.length > 0);
        const roll = dice(50);
        const small = good.slice(0, SMALL);
        const large = good.slice(SMALL).slice(-LARGE);
        const flip = ({ packet, espOffset }: Sample, bit: number): void => {
          const changed = packet.slice();
          changed[espOffset + (bit >>> 3)] ^= 1 << (bit & 7);
          const drop = receiver.open(changed);
          assert.notEqual(drop, EspDrop.None, `bit ${bit}`);
          assert.notEqual(drop, 'no ESP');
        };
        for (const sample of small) {
          const bits = (sample.packet.length - sample.espOffset) * 8;
          for (let bit = 0; bit < bits; bit++) flip(sample, bit);
        }
        for (const sample of large) {
          const bits = (sample.packet.length - sample.espOffset) * 8;
          for (let i = 0; i < BITS_OF_LARGE; i++) flip(sample, roll(bits));
        }
        assert.equal(receiver.verified, 0);
        // None of them moved a window: the original packets still open, in order.
        const inOrder = samples.filter((sample) => small.includes(sample) || large.includes(sample));
        for (const { packet } of inOrder) assert.equal(receiver.open(packet), EspDrop.None);
        receiver.close();
      });

      test(`${name}: truncated to every length, and extended by 1 to 64 bytes`, () => {
        const { receiver, good } = trial();
        const roll = dice(51);
        for (const sample of [...good.slice(0, 4), ...good.slice(-2)]) {
          const length = sample.packet.length - sample.espOffset;
          for (let other = 0; other <= length + 64; other++) {
            if (other === length) continue;
            const changed = resized(sample, other, roll);
            assert.notEqual(receiver.open(changed), EspDrop.None, `${other} bytes of ESP instead of ${length}`);
          }
          // The length fields are updated correctly: an unchanged length opens.
          assert.deepEqual(Buffer.from(resized(sample, length, roll)), Buffer.from(sample.packet));
        }
        assert.equal(receiver.verified, 0);
        receiver.close();
      });

      test(`${name}: the decoder returns nothing from changed packets`, () => {
        const { receiver, good } = trial();
        const roll = dice(52);
        for (const sample of good.slice(0, SMALL)) {
          const length = sample.packet.length - sample.espOffset;
          for (let i = 0; i < 40; i++) {
            const changed = sample.packet.slice();
            changed[sample.espOffset + roll(length)] ^= 1 << roll(8);
            const other = resized(sample, roll(length), roll);
            for (const packet of [changed, other]) {
              const { verdict, opened } = receiver.receive(packet);
              assert.equal(opened, false);
              assert.ok(verdict === Verdict.Dropped || verdict === Verdict.Other);
            }
          }
        }
        assert.equal(receiver.verified, 0);
        assert.equal(receiver.receive(good[0].packet).opened, true);
        receiver.close();
      });
    }

    test('04-esp-wrong-key: with the receiver’s key the packets are WrongIcv, as in the kernel', async () => {
      const text = readFileSync(fixture('esp/04-esp-wrong-key.xfrm.txt'), 'utf8');
      const receiver = new Receiver(parseXfrmState(text.slice(text.indexOf('## capn2'))).associations, aead);
      const samples = await espPackets(fixture('esp/04-esp-wrong-key.underlay.pcap'));
      assert.equal(samples.length, 3);
      for (const { packet } of samples) assert.equal(receiver.open(packet), EspDrop.WrongIcv);
      assert.equal(receiver.verified, 0);
      receiver.close();
    });
  });
}
