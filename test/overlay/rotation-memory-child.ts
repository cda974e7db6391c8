/**
 * Run by rotation-memory.test.ts with `--expose-gc`: searches memory for the keys of a ring before and after a
 * rotation.
 */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { hkdfSha256 } from '../../src/aead/index.js';
import { EspDrop, EspSealer } from '../../src/ipsec/index.js';
import { ClusterKey, KeyRing, NodeSas, RingRotation, RotationSchedule } from '../../src/overlay/index.js';
import { BACKENDS } from '../aead/backends.js';
import { inverted, moveHeap, indexes } from '../aead/process-memory.js';

const backend = BACKENDS.find(({ name }) => name === process.argv[2]);
assert.ok(backend !== undefined);

const random = (bytes: Uint8Array): void => void randomFillSync(bytes);
const aead = backend.create();
const bytes = new Uint8Array(new ArrayBuffer(128)).subarray(0, 16);
const hidden: Uint8Array[] = [];
const keys = [1, 2, 3].map((tag) => {
  randomFillSync(bytes);
  hidden.push(inverted(bytes));
  return new ClusterKey(tag, bytes);
});
bytes.fill(0);
const ring = new KeyRing(keys);
const manager = new RingRotation(ring, { random, schedule: new RotationSchedule({ start: 0, interval: 10 }) });
ring.wipe();
const sas = new NodeSas(Uint8Array.of(10, 0, 0, 1), aead, { hkdf: hkdfSha256, random });
for (let peer = 2; peer < 6; peer++) sas.addPeer(peer, Uint8Array.of(10, 0, 0, peer));
sas.update(manager.ring, 0);
sas.settle(0);
const sealer = new EspSealer(aead);

/** Whether each key of the first ring is found anywhere. */
function standing(now: number): boolean[] {
  for (let peer = 2; peer < 6; peer++) {
    const sa = sas.outbound(peer);
    assert.ok(sa !== undefined);
    assert.equal(sealer.push(sa, new Uint8Array(256), 32, 64, 17, now), EspDrop.None);
    sealer.flush();
  }
  moveHeap();
  return hidden.map((secret) => indexes(secret) > 0);
}

const found = [standing(0)];
for (let now = 10; now <= 30; now += 10) {
  const next = manager.poll(now);
  assert.ok(next !== undefined);
  sas.update(next, now);
  sas.settle(now);
  found.push(standing(now));
}
process.stdout.write(JSON.stringify(found));
