/** Bytes per TCP flow in an encrypted capture, by both ways of this level, and by tshark. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { conversations } from '../../src/frames/conversations.js';
import { openFrames, openOverlay } from '../../src/frames/open-overlay.js';
import { scratch, vtep } from '../cli/run.js';
import { fixture, missing } from '../repository.js';

const WIRE = fixture('docker/07-encrypted.underlay.pcap');
const KEYS = fixture('docker/swarm-keys.txt');
const folder = scratch();

type Bytes = Record<string, number>;

function add(bytes: Bytes, name: string, count: number): void {
  bytes[name] = (bytes[name] ?? 0) + count;
}

/** What tshark sums up, of the frames that decap writes. */
async function byTshark(): Promise<Bytes> {
  const output = join(folder, 'inner.pcap');
  const { status } = await vtep(['decap', WIRE, '-o', output, '--keys', KEYS]);
  assert.equal(status, 0);
  const fields = ['ip.src', 'tcp.srcport', 'ip.dst', 'tcp.dstport', 'tcp.len'].flatMap((field) => ['-e', field]);
  const { stdout } = spawnSync('tshark', ['-r', output, '-Y', 'tcp', '-T', 'fields', ...fields], { encoding: 'utf8' });
  const bytes: Bytes = {};
  for (const line of stdout.trim().split('\n')) {
    const [source, sourcePort, destination, destinationPort, length] = line.split('\t');
    add(bytes, `${source}:${sourcePort} -> ${destination}:${destinationPort}`, Number(length));
  }
  return bytes;
}

async function byFrames(frames: ReturnType<typeof openOverlay>): Promise<Bytes> {
  const bytes: Bytes = {};
  for await (const { inner } of frames) {
    if (inner.tcp === undefined) continue;
    const { source, sourcePort, destination, destinationPort, payloadLength } = inner;
    add(bytes, `${source}:${sourcePort} -> ${destination}:${destinationPort}`, payloadLength);
  }
  return bytes;
}

describe('bytes per TCP flow of an encrypted capture', () => {
  test('are the same as tshark sums up, to the byte', { skip: missing('tshark') }, async () => {
    const expected = await byTshark();
    assert.ok(Object.keys(expected).length >= 6);
    assert.deepEqual(await byFrames(openOverlay(WIRE, { keys: KEYS })), expected);
    const bytes: Bytes = {};
    for (const { vni, protocol, a, b } of await conversations(WIRE, { keys: KEYS })) {
      if (vni === null || protocol !== 'TCP') continue;
      add(bytes, `${a.address}:${a.port} -> ${b.address}:${b.port}`, a.payloadBytes);
      add(bytes, `${b.address}:${b.port} -> ${a.address}:${a.port}`, b.payloadBytes);
    }
    assert.deepEqual(bytes, expected);
  });

  test('are the same in a capture of the inner frames', async () => {
    const output = join(folder, 'plain.pcapng');
    await vtep(['decap', WIRE, '-o', output, '--keys', KEYS]);
    assert.deepEqual(await byFrames(openFrames(output)), await byFrames(openOverlay(WIRE, { keys: KEYS })));
    const inside = (await conversations(WIRE, { keys: KEYS })).filter(({ vni }) => vni !== null);
    const plain = await conversations(output);
    assert.deepEqual(
      plain.map(({ vni, a, b, startNanoseconds }) => ({ vni, a, b, startNanoseconds })),
      inside.map(({ a, b, startNanoseconds }) => ({ vni: null, a, b, startNanoseconds })),
    );
  });
});

test('conversations throws for a capture that ends early, unless that is allowed', async () => {
  const cut = join(folder, 'cut.pcap');
  writeFileSync(cut, readFileSync(WIRE).subarray(0, -3));
  await assert.rejects(conversations(cut), { code: 'CAPTURE_CUT_OFF' });
  assert.ok((await conversations(cut, { allowDamage: true })).length > 0);
  await assert.rejects(conversations(cut, { keys: join(folder, 'missing') }), { code: 'KEYS_UNUSABLE' });
});

test('conversations are JSON, with their start as text', async () => {
  const found = await conversations(WIRE, { keys: KEYS });
  const { status, stdout } = await vtep(['inspect', WIRE, '--keys', KEYS, '--flows', '--json']);
  assert.equal(status, 0);
  const { flows } = JSON.parse(stdout) as { flows: { conversations: unknown; accounting: unknown } };
  assert.deepEqual(JSON.parse(JSON.stringify(found)), flows.conversations);
  assert.deepEqual(found.accounting, flows.accounting);
});

test('conversations tell how many packets did not fit', async () => {
  const all = await conversations(WIRE, { keys: KEYS });
  const few = await conversations(WIRE, { keys: KEYS, maxConversations: 2 });
  assert.deepEqual([all.accounting.unlisted, few.length], [0, 2]);
  const listed = few[0].packets + few[1].packets;
  assert.deepEqual([few.accounting.inConversations, few.accounting.packets], [listed, all.accounting.packets]);
  assert.equal(few.accounting.unlisted, all.accounting.inConversations - listed);
});
