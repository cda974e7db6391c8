import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeBackend } from '../../../src/aead/index.js';
import { InboundSa, Sad } from '../../../src/ipsec/index.js';
import { type InboundClaim, InboundClaims } from '../../../src/overlay/keys/inbound-claims.js';
import { association, unhex } from '../../ipsec/build.js';

const HERE = unhex('c0a83202');

class Scene {
  readonly sad = new Sad<InboundSa>();
  readonly claims = new InboundClaims(this.sad);
  /** SAs in order of creation, and their owners. */
  readonly made: { readonly peer: number; readonly sa: InboundSa }[] = [];
  /** Peers whose keys are wiped. */
  readonly wiped = new Set<number>();
  readonly #aead = nodeBackend.create();

  claim(peer: number, spi = 7): InboundClaim {
    const make = (): InboundSa | undefined => {
      if (this.wiped.has(peer)) return undefined;
      const sa = new InboundSa(association({ spi, source: `192.168.50.${100 + peer}` }), this.#aead);
      this.made.push({ peer, sa });
      return sa;
    };
    return { spi, peer, tag: 1, make };
  }

  /** The owner of an SPI's SA. */
  holder(spi = 7): number | undefined {
    const sa = this.sad.find(spi, 4, HERE, 0);
    return this.made.find((entry) => entry.sa === sa)?.peer;
  }
}

describe('InboundClaims', () => {
  test('the first claim to an SPI holds it, and adding later ones returns that holder', () => {
    const scene = new Scene();
    const [first, second, third] = [1, 2, 3].map((peer) => scene.claim(peer));
    assert.equal(scene.claims.add(first), undefined);
    assert.equal(scene.claims.add(second), first);
    assert.equal(scene.claims.add(third), first);
    assert.deepEqual([scene.holder(), scene.sad.size, scene.made.length], [1, 1, 1]);
  });

  test('claims to different SPIs are independent', () => {
    const scene = new Scene();
    const claims = [scene.claim(1, 7), scene.claim(1, 8), scene.claim(2, 9)];
    for (const claim of claims) assert.equal(scene.claims.add(claim), undefined);
    scene.claims.delete(claims[1]);
    assert.deepEqual([scene.holder(7), scene.holder(8), scene.holder(9)], [1, undefined, 2]);
  });

  test('on release, the SA is closed, and the next claim in line gets a new one', () => {
    const scene = new Scene();
    const claims = [1, 2, 3].map((peer) => scene.claim(peer));
    for (const claim of claims) scene.claims.add(claim);
    claims.forEach((claim, i) => {
      assert.equal(scene.holder(), i + 1);
      scene.claims.delete(claim);
      assert.equal(scene.made[i].sa.key, -1);
    });
    assert.deepEqual([scene.holder(), scene.sad.size, scene.made.length], [undefined, 0, 3]);
    assert.equal(scene.claims.add(claims[2]), undefined);
    assert.equal(scene.holder(), 3);
  });

  test('a waiting claim can be released, and the holder keeps its SA', () => {
    const scene = new Scene();
    const claims = [1, 2, 3].map((peer) => scene.claim(peer));
    for (const claim of claims) scene.claims.add(claim);
    scene.claims.delete(claims[1]);
    assert.deepEqual([scene.holder(), scene.made.length, scene.made[0].sa.key >= 0], [1, 1, true]);
    scene.claims.delete(claims[0]);
    assert.equal(scene.holder(), 3);
  });

  test('ignores the release of an unknown claim', () => {
    const scene = new Scene();
    const [held, other] = [scene.claim(1), scene.claim(2)];
    scene.claims.delete(other);
    scene.claims.add(held);
    scene.claims.delete(other);
    scene.claims.delete(scene.claim(3, 99));
    assert.equal(scene.holder(), 1);
    scene.claims.delete(held);
    scene.claims.delete(held);
    assert.equal(scene.sad.size, 0);
  });

  test("a wiped key's claim gets no SA, and the next one does", () => {
    const scene = new Scene();
    const claims = [1, 2, 3].map((peer) => scene.claim(peer));
    for (const claim of claims) scene.claims.add(claim);
    scene.wiped.add(2);
    scene.claims.delete(claims[0]);
    assert.equal(scene.holder(), 3);
    scene.claims.delete(claims[1]);
    assert.equal(scene.holder(), 3);
  });

  test("a claim that comes while only wiped keys' claims wait holds the SPI", () => {
    const scene = new Scene();
    const claims = [1, 2, 3, 4].map((peer) => scene.claim(peer));
    scene.claims.add(claims[0]);
    scene.claims.add(claims[1]);
    scene.wiped.add(1).add(2);
    scene.claims.delete(claims[0]);
    assert.equal(scene.holder(), undefined);
    assert.equal(scene.claims.add(claims[2]), undefined);
    assert.equal(scene.holder(), 3);
    assert.equal(scene.claims.add(claims[3]), claims[2]);
    scene.claims.delete(claims[1]);
    assert.deepEqual([scene.holder(), scene.sad.size], [3, 1]);
  });
});
