/** SAs as rows of a table behave like objects that are nowhere else, whatever is added, removed, replaced or closed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { nodeBackend } from '../../src/aead/index.js';
import { EspDrop, EspOpener, EspSealer, InboundSa, OutboundSa, ReplayWindow, Sad } from '../../src/ipsec/index.js';
import { SaTable, SaWord } from '../../src/ipsec/internal.js';
import { association, dice, keymat, MASK, openBatch, seal } from './build.js';

const WINDOWS = [0, 32, 64, 1024, 4096] as const;
const PAYLOAD = new Uint8Array(6).fill(0x42);

/** What an SA must have counted. */
interface Model {
  readonly inbound: InboundSa;
  readonly outbound: OutboundSa;
  readonly windowSize: number;
  sent: number;
  verified: number;
  replayed: number;
  inSad: boolean;
  closed: boolean;
  /** Every sealed packet, and whether it was accepted. */
  readonly packets: { readonly bytes: Uint8Array; accepted: boolean }[];
}

function assertEqual(model: Model): void {
  const { inbound, outbound, sent, verified, replayed } = model;
  assert.deepEqual(
    [outbound.sequenceLow, outbound.lifetime.packets, outbound.lifetime.bytes],
    [sent, sent, sent * PAYLOAD.length],
  );
  assert.deepEqual(
    [inbound.verified, inbound.lifetime.packets, inbound.drops[EspDrop.Replayed]],
    [verified, verified, replayed],
  );
  assert.equal(inbound.window.size, model.windowSize);
  assert.equal(inbound.key < 0, model.closed);
}

describe('SAs in tables', () => {
  test('equal a model of plain objects after any order of adding, deleting, sealing, opening, replaying, closing', () => {
    for (let seed = 1; seed <= 6; seed++) {
      const roll = dice(seed);
      const aead = nodeBackend.create();
      const sad = new Sad();
      const outboundRows = new SaTable();
      const sealer = new EspSealer(aead);
      const opener = new EspOpener(aead);
      const models: Model[] = [];
      const make = (): void => {
        const replayWindow = WINDOWS[roll(WINDOWS.length)];
        const sa = association({ spi: 1 + models.length, replayWindow, esn: replayWindow > 0 && roll(2) === 0 });
        const outbound = new OutboundSa(sa, aead, { ivMask: MASK });
        const inbound = new InboundSa(sa, aead);
        const counts = { sent: 0, verified: 0, replayed: 0, inSad: false, closed: false };
        models.push({ inbound, outbound, windowSize: replayWindow, ...counts, packets: [] });
      };
      for (let step = 0; step < 250; step++) {
        if (models.length < 3 || roll(12) === 0) make();
        const index = roll(models.length);
        const model = models[index];
        const { inbound, outbound, packets } = model;
        const act = roll(16);
        if (act === 0) {
          if (model.inSad) sad.delete(inbound);
          else sad.add(inbound);
          model.inSad = !model.inSad;
        } else if (act === 1) {
          outboundRows.place(index, outbound);
        } else if (act === 2) {
          outboundRows.remove(index, outbound);
        } else if (act === 3 && roll(4) === 0) {
          inbound.close();
          outbound.close();
          model.closed = true;
        } else if (act < 10) {
          const { drop, packet } = seal(sealer, outbound, PAYLOAD);
          assert.equal(drop, model.closed ? EspDrop.Expired : EspDrop.None);
          if (drop !== EspDrop.None) continue;
          model.sent++;
          packets.push({ bytes: packet, accepted: false });
        } else if (packets.length > 0 && !model.closed) {
          const packet = packets[roll(packets.length)];
          const inWindow = packets.length <= 32 || model.windowSize >= 1024;
          if (!inWindow && model.windowSize > 0) continue;
          const expected = packet.accepted && model.windowSize > 0 ? EspDrop.Replayed : EspDrop.None;
          assert.equal(openBatch(opener, inbound, [packet.bytes])[0].drop, expected);
          packet.accepted = true;
          if (expected === EspDrop.None) model.verified++;
          else model.replayed++;
        }
        assertEqual(model);
        assert.equal(sad.find4(model.inbound.spi, 0xc0a83202), model.inSad ? inbound : undefined);
      }
      models.forEach(assertEqual);
    }
  });

  test('an SA that moves while its packets are pending still opens them', () => {
    const aead = nodeBackend.create();
    const sa = association({ replayWindow: 64 });
    const outbound = new OutboundSa(sa, aead, { ivMask: MASK });
    const inbound = new InboundSa(sa, aead);
    const sad = new Sad();
    const packet = seal(new EspSealer(aead), outbound, PAYLOAD).packet;
    const opener = new EspOpener(aead);
    sad.add(inbound);
    assert.equal(opener.push(inbound, packet, 0, packet.length, 0), EspDrop.None);
    sad.delete(inbound);
    inbound.close();
    // Another SA in the same row.
    const other = new InboundSa(association({ spi: 9 }), aead);
    sad.add(other);
    opener.flush();
    assert.deepEqual([opener.drop[0], inbound.verified, other.verified], [EspDrop.None, 1, 0]);
  });

  test('a window that two SAs share accepts a number once, wherever they are', () => {
    const aead = nodeBackend.create();
    const window = new ReplayWindow(64);
    const sa = association({ replayWindow: 64 });
    const [first, second] = [1, 2].map(() => new InboundSa(sa, aead, { window }));
    const sealer = new EspSealer(aead);
    const outbound = new OutboundSa(sa, aead, { ivMask: MASK });
    const [a, b, c] = [1, 2, 3].map(() => seal(sealer, outbound, PAYLOAD).packet);
    const opener = new EspOpener(aead);
    const open = (of: InboundSa, packet: Uint8Array): EspDrop => openBatch(opener, of, [packet])[0].drop;
    const [one, two] = [new Sad(), new Sad()];
    one.add(first);
    two.add(second);
    assert.deepEqual([open(first, a), open(second, a), open(second, b)], [0, EspDrop.Replayed, 0]);
    one.delete(first);
    assert.deepEqual([open(first, b), open(second, c), open(first, c)], [EspDrop.Replayed, 0, EspDrop.Replayed]);
    assert.equal(window.accepted, 3);
  });

  test('a removed SA leaves zeros in its row, and a table that grows leaves zeros behind', () => {
    const aead = nodeBackend.create();
    const table = new SaTable();
    const salt = Uint8Array.of(0x5a, 0x17, 0x99, 0x3c);
    const word = 0x5a17993c;
    const sas = Array.from({ length: 40 }, (_, i) => {
      const sa = association({ spi: i + 1, replayWindow: i === 20 ? 1024 : 0, keymat: keymat(undefined, salt) });
      return new InboundSa(sa, aead);
    });
    const arrays = new Set<Int32Array>();
    sas.forEach((sa, i) => {
      table.place(i, sa);
      arrays.add(table.words);
    });
    arrays.delete(table.words);
    assert.ok(arrays.size > 0);
    for (const before of arrays) assert.ok(before.every((value) => value === 0));
    assert.equal(table.words.filter((value) => value === word).length, sas.length);
    for (const [i, sa] of sas.entries()) {
      assert.deepEqual([sa.spi, sa.salt, sa.icvLength], [i + 1, word, 8]);
      table.remove(i, sa);
      const row = table.words.subarray(i * table.stride, (i + 1) * table.stride);
      assert.ok(row.every((value) => value === 0));
      sa.close();
      assert.deepEqual([sa.salt, sa.memory.words.includes(word), sa.spi], [0, false, i + 1]);
    }
  });

  test('neither JSON nor the console shows salts, of an SA or of its neighbours', () => {
    const aead = nodeBackend.create();
    const sad = new Sad();
    const salt = Uint8Array.of(0x5a, 0x17, 0x99, 0x3c);
    const sas = [1, 2].map((spi) => new InboundSa(association({ spi, keymat: keymat(undefined, salt) }), aead));
    for (const sa of sas) sad.add(sa);
    const shown = inspect(sas[0], { depth: Infinity, showHidden: true }) + JSON.stringify(sas);
    for (const form of ['1511496', '5a17993c', '90,23,153']) assert.ok(!shown.includes(form), shown);
  });
});

test('of 10,000 SAs each opens its own packets, once', () => {
  const aead = nodeBackend.create();
  const sad = new Sad();
  const outbound = new SaTable();
  const senders = Array.from({ length: 10_000 }, (_, i) => {
    const sa = association({ spi: i + 1, replayWindow: i % 3 === 0 ? 64 : 0 });
    const sender = new OutboundSa(sa, aead, { ivMask: MASK });
    outbound.place(i, sender);
    sad.add(new InboundSa(sa, aead));
    return sender;
  });
  const sealer = new EspSealer(aead);
  const opener = new EspOpener(aead);
  const roll = dice(77);
  const expected = new Map<number, number>();
  for (let n = 0; n < 600; n++) {
    const i = roll(senders.length);
    const { packet } = seal(sealer, senders[i], Uint8Array.of(i >>> 8, i));
    const receiver = sad.find4(i + 1, 0xc0a83202) ?? assert.fail('no SA');
    const [first, second] = openBatch(opener, receiver, [packet, packet]);
    assert.deepEqual([first.drop, [...first.payload]], [EspDrop.None, [i >>> 8, i & 0xff]]);
    assert.equal(second.drop, i % 3 === 0 ? EspDrop.Replayed : EspDrop.None);
    expected.set(i, (expected.get(i) ?? 0) + (i % 3 === 0 ? 1 : 2));
  }
  for (const sa of sad) assert.equal(sa.verified, expected.get(sa.spi - 1) ?? 0);
  assert.equal(outbound.words[9999 * outbound.stride + SaWord.Spi], 10_000);
});
