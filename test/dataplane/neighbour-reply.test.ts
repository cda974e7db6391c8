/** ARP and ND replies of the node, compared with the kernel's proxy in recordings. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NEIGHBOUR_REPLY_TAILROOM, NeighbourReply, NeighbourVerdict } from '../../src/dataplane/neighbour-reply.js';
import { NeighbourTable, parseIp } from '../../src/overlay/index.js';
import { Layers, onesSum, parseMac, pseudoHeaderSum } from '../../src/wire/index.js';
import { fromHex, recorded } from './topology.js';

const VERDICTS = Object.keys(NeighbourVerdict);
const MAC = parseMac('02:42:0a:00:09:04');

/** The verdict's name, and the reply, for a frame in the middle of other bytes. */
function ask(frame: Uint8Array, vni = 4097): [string, string] {
  const table = new NeighbourTable();
  table.set(4097, parseIp('10.0.9.4'), MAC);
  table.set(4097, parseIp('fd00:9::4'), MAC);
  const bytes = new Uint8Array(frame.length + 100).fill(0x77);
  bytes.set(frame, 10);
  const layers = new Layers();
  layers.walkEthernet(bytes, 10, 10 + frame.length);
  const reply = new NeighbourReply(table);
  const verdict = reply.answer(vni, bytes, 10, 10 + frame.length, layers);
  assert.ok(bytes.subarray(0, 10).every((byte) => byte === 0x77));
  return [VERDICTS[verdict], Buffer.from(bytes.subarray(10, reply.end)).toString('hex')];
}

async function question(family: 4 | 6): Promise<[Uint8Array, string]> {
  const [asked, answered] = await recorded(`vxlan/${family === 4 ? '01-icmp' : '09-ipv6-inner-proxy'}.c1.pcap`);
  return [fromHex(asked), answered];
}

function edited(bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

/** A frame of neighbour discovery with its checksum corrected. */
function summed(frame: Uint8Array): Uint8Array {
  frame.set([0, 0], 56);
  const sum = ~onesSum(frame, 54, frame.length, pseudoHeaderSum(6, frame, 22, 58, frame.length - 54)) & 0xffff;
  frame.set([sum >>> 8, sum], 56);
  return frame;
}

for (const family of [4, 6] as const) {
  const rfc = family === 4 ? 'ARP (RFC 826)' : 'neighbour discovery (RFC 4861 section 7.2.4)';
  const target = family === 4 ? 38 : 62;
  describe(rfc, () => {
    test('the reply is the kernel’s byte for byte', async () => {
      const [asked, answered] = await question(family);
      assert.deepEqual(ask(asked), ['Answered', answered]);
    });

    test('the reply to a tagged request has the same VLAN tag', async () => {
      const [asked, answered] = await question(family);
      const tag = '81000064';
      const hex = Buffer.from(asked).toString('hex');
      const tagged = hex.slice(0, 24) + tag + hex.slice(24);
      assert.deepEqual(ask(fromHex(tagged)), ['Answered', answered.slice(0, 24) + tag + answered.slice(24)]);
    });

    test('a request for an address without an entry in its network is not answered', async () => {
      const [asked] = await question(family);
      const other = edited(asked, target + (family === 4 ? 3 : 15), 77);
      if (family === 6) summed(other);
      assert.deepEqual(ask(other), ['Unknown', Buffer.from(other).toString('hex')]);
      assert.equal(ask(asked, 4098)[0], 'Unknown');
    });

    test('a truncated request is never answered and never throws', async () => {
      const [asked] = await question(family);
      // The option after the target may be missing.
      const needed = family === 4 ? asked.length : 78;
      for (let end = 0; end < needed; end++)
        assert.notEqual(ask(asked.subarray(0, end))[0], 'Answered', `${end} bytes`);
    });
  });
}

describe('other than requests', () => {
  test('ARP: a reply, another operation, other hardware, protocol or lengths are consumed', async () => {
    const [asked] = await question(4);
    for (const [at, value] of [
      [21, 2],
      [21, 3],
      [21, 0],
      [15, 6],
      [16, 9],
      [18, 8],
      [19, 16],
    ] as const) {
      assert.equal(ask(edited(asked, at, value))[0], 'Consumed', `byte ${at}`);
    }
  });

  test('ARP with padding: the reply precedes the padding', async () => {
    const [asked, answered] = await question(4);
    const padded = new Uint8Array(60);
    padded.set(asked);
    const [verdict, hex] = ask(padded);
    assert.equal(verdict, 'Answered');
    assert.equal(hex.slice(0, answered.length), answered);
    assert.match(hex.slice(answered.length), /^(?:00)*$/);
  });

  test('ND: an advertisement is consumed; router discovery and echo are other traffic', async () => {
    const [asked] = await question(6);
    assert.equal(ask(edited(asked, 54, 136))[0], 'Consumed');
    for (const type of [133, 134, 128, 143]) assert.equal(ask(edited(asked, 54, type))[0], 'Other');
  });

  test('RFC 4861 section 7.1.1: ND with a hop limit other than 255 is invalid', async () => {
    const [asked] = await question(6);
    for (const limit of [0, 1, 64, 254]) assert.equal(ask(edited(asked, 21, limit))[0], 'Invalid');
  });

  test('RFC 4861 section 7.1.1: ND with a wrong checksum, a code, or an empty or truncated option is invalid', async () => {
    const [asked] = await question(6);
    assert.equal(ask(asked)[0], 'Answered');
    for (const [at, value] of [
      [56, asked[56] ^ 1],
      [57, asked[57] ^ 0x80],
      [80, asked[80] ^ 0xff],
    ] as const) {
      assert.equal(ask(edited(asked, at, value))[0], 'Invalid', `byte ${at}`);
    }
    assert.equal(ask(summed(asked.slice()))[0], 'Answered');
    assert.equal(ask(summed(edited(asked, 55, 1)))[0], 'Invalid');
    for (const length of [0, 2, 255]) assert.equal(ask(summed(edited(asked, 79, length)))[0], 'Invalid');
  });

  test('RFC 4862 section 5.4: duplicate address detection is not answered', async () => {
    const [asked] = await question(6);
    assert.equal(ask(summed(edited(asked, 22, ...new Uint8Array(16))))[0], 'Consumed');
  });

  test('ND without an option is answered with one, and a valid checksum', async () => {
    const [asked, answered] = await question(6);
    const bare = summed(edited(asked.subarray(0, 78), 18, 0, 24));
    const [verdict, hex] = ask(bare);
    assert.deepEqual([verdict, hex], ['Answered', answered]);
    assert.equal(hex.length / 2 - bare.length, NEIGHBOUR_REPLY_TAILROOM);
    const bytes = fromHex(hex);
    assert.equal(onesSum(bytes, 54, bytes.length, pseudoHeaderSum(6, bytes, 22, 58, 32)), 0xffff);
  });

  test('anything but ARP and ND is other traffic', async () => {
    const frames = await recorded('vxlan/01-icmp.c1.pcap');
    assert.equal(ask(fromHex(frames[2]))[0], 'Other');
  });
});
