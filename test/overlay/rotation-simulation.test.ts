/** Thirty days of a cluster on a fake clock. Every packet is checked as it arrives (simulated-cluster.ts). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AEAD_BACKENDS, chooseAead } from '../../src/aead/index.js';
import { Profile } from '../../src/overlay/index.js';
import { Cluster, type ClusterOptions } from './simulated-cluster.js';

/** The fastest available: packets dominate the run time. */
const FASTEST = chooseAead().aead.name;
const BACKEND = AEAD_BACKENDS.find(({ name }) => name === FASTEST) ?? assert.fail();
const HOUR = 3600;
const DAY = 24 * HOUR;
const SWARM: ClusterOptions = {
  nodes: 20,
  profile: Profile.Swarm,
  cipher: () => BACKEND.create(),
  seed: 1,
  disk: false,
  delay: 240,
  skew: 90,
};

/** A cluster whose first `up` nodes run, with a leader that polls every half minute. */
function cluster(options: ClusterOptions, up: number): Cluster {
  const made = new Cluster(options);
  for (let index = 0; index < up; index++) made.start(index);
  const poll = (): void => {
    made.pollLeader();
    made.queue.after(30, poll);
  };
  made.queue.after(0, poll);
  return made;
}

/** Every node sends to every other: frequently during a rotation, occasionally otherwise. */
function talk(made: Cluster): void {
  let newest = 0;
  let busyUntil = 60;
  let next = 0;
  const tick = (): void => {
    const { now } = made.queue;
    if (made.newest !== newest) {
      newest = made.newest;
      busyUntil = now + SWARM.delay + 60;
      next = now;
    }
    if (now >= next) {
      made.sendAll();
      next = now + (now < busyUntil ? 15 : HOUR / 2 + made.roll(HOUR));
    }
    made.queue.after(15, tick);
  };
  made.queue.after(30, tick);
}

/** Nodes die and return, leave and join, at any moment; leaders change, each with its own clock. */
function disturb(made: Cluster, options: ClusterOptions): void {
  const trouble = (): void => {
    const index = Math.floor(made.roll(options.nodes));
    if (made.isUp(index)) {
      made.kill(index, made.roll(1) < 0.5);
      made.queue.after(1 + made.roll(made.roll(1) < 0.5 ? 60 : 10 * HOUR), () => {
        if (!made.isUp(index)) made.start(index);
      });
    } else {
      made.start(index);
    }
    made.queue.after(made.roll(4 * HOUR), trouble);
  };
  const election = (): void => {
    made.changeLeader((2 * made.roll(1) - 1) * options.skew);
    made.queue.after(made.roll(2 * DAY), election);
  };
  made.queue.after(2 * HOUR, trouble);
  made.queue.after(DAY, election);
}

/** Checks every running node against its state between rotations. */
function checkSteadyState(made: Cluster): void {
  const up = made.nodes.filter(({ process }) => process !== undefined);
  assert.ok(up.length > 1);
  for (const node of up) {
    const { sas } = node.process ?? assert.fail();
    assert.equal(node.ring, made.newest);
    let peers = 0;
    for (const { index } of made.nodes) {
      if (node.models[index] === undefined) continue;
      peers++;
      assert.deepEqual(sas.counts(index), { rx: 3, tx: 1 });
    }
    assert.ok(peers >= up.length - 1);
    assert.equal(sas.inbound.size, 3 * peers);
  }
}

describe('key rotation in a cluster on a fake clock', () => {
  for (const [profile, days] of [
    [Profile.Swarm, 30],
    [Profile.Strict, 10],
  ] as const) {
    const rotations = 2 * days;
    test(`${profile}: 20 nodes, ${days} days, ${rotations} rotations: no packet is lost between nodes at most one behind`, () => {
      // With a replay window, a restarting node must know its last sequence numbers.
      const options = { ...SWARM, profile, disk: profile === Profile.Strict };
      const made = cluster(options, 17);
      talk(made);
      disturb(made, options);
      made.queue.runUntil(days * DAY + HOUR);
      const { tally } = made;
      assert.equal(made.newest, rotations);
      assert.equal(tally.lost, 0);
      assert.equal(tally.delivered, tally.sent);
      assert.ok(tally.sent > 5000 * rotations, `${tally.sent} packets`);
      assert.ok(tally.betweenSteps > 200 * rotations, `${tally.betweenSteps} of them between steps`);
      assert.ok(tally.starts > 2 * rotations, `${tally.starts} starts`);
      checkSteadyState(made);
    });
  }

  test('a node further behind loses what the model predicts, and nothing once its ring arrives', () => {
    const made = cluster({ ...SWARM, nodes: 6, seed: 3 }, 6);
    talk(made);
    made.queue.runUntil(DAY + HOUR);
    made.nodes[2].reachable = false;
    made.nodes[4].reachable = false;
    // One rotation behind: nothing is lost.
    made.queue.runUntil(made.schedule.next + 6 * HOUR);
    assert.equal(made.tally.lost, 0);
    // Two and three behind: these nodes can't communicate with the others, but still with each other.
    made.queue.runUntil(made.schedule.next + HOUR);
    const before = { ...made.tally };
    made.queue.runUntil(made.schedule.next + 10 * HOUR);
    const lost = made.tally.lost - before.lost;
    const sent = made.tally.sent - before.sent;
    assert.ok(sent > 0);
    // 16 of the 30 directions are between one of the two and one of the four.
    assert.equal(lost * 30, sent * 16);
    made.reach(2);
    made.queue.runUntil(made.queue.now + 60);
    made.reach(4);
    made.queue.runUntil(made.queue.now + 60);
    const healed = made.tally.lost;
    made.queue.runUntil(made.queue.now + 3 * DAY);
    assert.equal(made.tally.lost, healed);
    checkSteadyState(made);
  });
});
