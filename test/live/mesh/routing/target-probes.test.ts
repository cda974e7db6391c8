import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { Target } from '../../../../src/live/mesh/routing/target.js';
import { TargetProbes } from '../../../../src/live/mesh/routing/target-probes.js';

/** Probes whose connections do what they are told. */
class Probed {
  now = 0;
  readonly sockets: Socket[] = [];
  readonly probes: TargetProbes;

  constructor(random: number) {
    this.probes = new TargetProbes(
      () => {
        const socket = new Socket();
        this.sockets.push(socket);
        return socket;
      },
      () => this.now,
      () => random,
    );
  }

  sweep(now: number): number {
    this.now = now;
    this.probes.sweep(now);
    return this.sockets.length;
  }

  /** Ends the latest probe. */
  end(target: Target, isThere: boolean): void {
    if (isThere) target.succeeded();
    else target.failed(this.now, this.now);
    this.sockets.at(-1)?.emit('close');
  }
}

describe('targets that are out', () => {
  test('are tried before their time is over, not all at once, and get no request meanwhile', () => {
    const early = new Probed(0);
    const late = new Probed(1);
    const target = new Target('10.0.9.1', 80);
    target.failed(0);
    early.probes.add(target);
    late.probes.add(target);
    assert.deepEqual([early.sweep(399), early.sweep(400), late.sweep(799), late.sweep(800)], [0, 1, 0, 1]);
    assert.ok(target.downUntil >= 2400);
    assert.equal(early.sweep(2000), 1);
  });

  test('come back with a connection that is made, and are tried later each time one is not', () => {
    const probed = new Probed(0);
    const target = new Target('10.0.9.1', 80);
    target.failed(0);
    probed.probes.add(target);
    probed.sweep(500);
    probed.end(target, false);
    assert.deepEqual([target.downUntil, probed.probes.size], [2500, 1]);
    assert.deepEqual([probed.sweep(1299), probed.sweep(1300)], [1, 2]);
    probed.end(target, true);
    assert.deepEqual([target.downUntil, probed.probes.size], [0, 0]);
  });

  test('are forgotten when no route leads there any more', () => {
    const probed = new Probed(0);
    const target = new Target('10.0.9.1', 80);
    target.failed(0);
    probed.probes.add(target);
    target.isLeaving = true;
    assert.equal(probed.sweep(10_000), 0);
    assert.equal(probed.probes.size, 0);
  });
});
