import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessageType, type Peer } from '../../../src/gossip/index.js';
import { Detour, PacketReach, detourOf } from '../../../src/swarm/member/packet-reach.js';
import { Troubles } from '../../../src/swarm/member/troubles.js';
import { aliveOf, MemberDriver } from '../../gossip/member/driver.js';

/** A member that watches how another one answers, and what it reported of that. */
class Watched {
  readonly lines: string[] = [];
  now = 0;
  #incarnation = 1;
  readonly #driver: MemberDriver;
  readonly #reach: PacketReach;

  constructor(members = 3) {
    this.#driver = new MemberDriver(members);
    const troubles = new Troubles(
      (text) => this.lines.push(text.replace(/:\D*7946, there.*/, '')),
      () => this.now,
    );
    this.#reach = new PacketReach(this.#driver.member, troubles);
  }

  peer(index = 2): Peer {
    const peer = this.#driver.member.peer(`node-${index}`);
    assert.ok(peer !== undefined);
    return peer;
  }

  /** Probes that were answered by TCP alone (t), only through others (o), or directly (d), one after the other. */
  answers(how: string, index = 2): void {
    const { counts } = this.#driver.member;
    const peer = this.peer(index);
    for (const one of how) {
      if (one === 't') {
        peer.streamOnlyProbes += 1;
        counts.streamOnlyProbes += 1;
      } else {
        peer.streamOnlyProbes = 0;
        peer.relayedProbes = one === 'o' ? peer.relayedProbes + 1 : 0;
        if (one === 'o') counts.relayedProbes += 1;
        else peer.directProbes += 1;
      }
      this.#reach.check();
    }
  }

  /** The member is said to be dead. */
  dies(index = 2): void {
    const { incarnation, name } = this.peer(index);
    this.#driver.receive(3, { type: MessageType.Dead, incarnation, node: name, from: 'node-3' });
    assert.ok(this.peer(index).isGone);
    this.#reach.check();
  }

  /** The member is dead for so long that the others forget it. */
  isForgotten(): void {
    this.#driver.runHealthy(this.#driver.now + 120_000);
    assert.equal(this.#driver.member.peer('node-2'), undefined);
    this.#reach.check();
  }

  /** The member is alive again. @param at number of its address */
  comesBack(index = 2, at = index): void {
    this.#incarnation += 1;
    this.#driver.receive(3, aliveOf(index, this.#incarnation, at));
    assert.ok(!this.peer(index).isGone);
    this.#reach.check();
  }
}

const PLACE = 'node-2 at 192.168.50.2:7946';
const BY_TCP = `${PLACE} ${Detour.Stream}`;
const BY_OTHERS = `${PLACE} ${Detour.Members}`;
const AGAIN = `${PLACE} answers over UDP again.`;

describe('members that answer no UDP packet directly', () => {
  for (const [answers, lines] of [
    ['ttdttd', []],
    ['ttt', [BY_TCP]],
    ['oootttt', [BY_OTHERS, BY_TCP]],
    // The packets of others get lost, too: TCP was faster.
    ['oot', [BY_OTHERS]],
    ['ttotot', [BY_OTHERS]],
    ['ttttottott', [BY_TCP, BY_OTHERS]],
    ['ttttotttt', [BY_TCP, BY_OTHERS]],
    ['tttod', [BY_TCP, BY_OTHERS, AGAIN]],
    ['ooodd', [BY_OTHERS, AGAIN]],
  ] as const) {
    test(`${answers} (TCP, others, directly): ${lines.length} lines`, () => {
      const watched = new Watched();
      watched.answers(answers);
      assert.deepEqual(watched.lines, lines);
    });
  }

  test('within a minute, what was over is reported again once the minute has passed, and its end', () => {
    const watched = new Watched();
    watched.answers('tttdttt');
    assert.deepEqual(watched.lines, [BY_TCP, AGAIN]);
    watched.now = 60_000;
    watched.answers('td');
    assert.deepEqual(watched.lines, [BY_TCP, AGAIN, BY_TCP, AGAIN]);
  });

  for (const [what, isForgotten] of [
    ['died', false],
    ['died, was forgotten', true],
  ] as const) {
    test(`a member that ${what} and came back: the end is reported with its first direct answer`, () => {
      const watched = new Watched();
      watched.answers('ttt');
      watched.dies();
      if (isForgotten) watched.isForgotten();
      watched.comesBack();
      assert.deepEqual(watched.lines, [BY_TCP]);
      watched.answers('t');
      assert.deepEqual(watched.lines, [BY_TCP]);
      watched.answers('dd');
      assert.deepEqual(watched.lines, [BY_TCP, AGAIN]);
    });

    test(`a member that ${what} and came back while UDP is still blocked: once, until its end`, () => {
      const watched = new Watched();
      watched.answers('ttt');
      for (let times = 0; times < 3; times++) {
        watched.dies();
        if (isForgotten) watched.isForgotten();
        watched.now += 100_000;
        watched.comesBack();
        watched.answers('ttttt');
      }
      assert.deepEqual(watched.lines, [BY_TCP]);
      watched.answers('d');
      assert.deepEqual(watched.lines, [BY_TCP, AGAIN]);
    });
  }

  test('one that comes back elsewhere is reported there', () => {
    const watched = new Watched();
    watched.answers('ttt');
    watched.dies();
    watched.isForgotten();
    watched.comesBack(2, 7);
    watched.answers('tttd');
    const lines = [BY_TCP, ...[BY_TCP, AGAIN].map((line) => line.replace('50.2', '50.7'))];
    assert.deepEqual(watched.lines, lines);
    watched.answers('ttt');
    watched.dies();
    watched.isForgotten();
    watched.comesBack();
    watched.now += 100_000;
    watched.answers('d');
    assert.deepEqual(watched.lines, lines);
    watched.answers('ttt');
    assert.deepEqual(watched.lines, [...lines, BY_TCP], 'the place of before is no cause that goes on');
  });

  test('32 members that are gone are remembered, those gone longest are forgotten in silence', () => {
    const watched = new Watched(60);
    const others = Array.from({ length: 40 }, (_, i) => i + 4);
    for (const index of others) watched.answers('ttt', index);
    for (const index of others) watched.dies(index);
    watched.lines.length = 0;
    for (const index of others) watched.comesBack(index);
    for (const index of others) watched.answers('d', index);
    assert.deepEqual(
      watched.lines,
      others.slice(8).map((index) => AGAIN.replace('node-2', `node-${index}`).replace('50.2', `50.${index}`)),
    );
  });

  test('the state is known from the first such answer', () => {
    const peer = new Watched().peer();
    assert.equal(detourOf(peer), undefined);
    peer.streamOnlyProbes = 1;
    assert.equal(detourOf(peer), Detour.Stream);
    peer.relayedProbes = 1;
    assert.equal(detourOf(peer), Detour.Members);
    peer.streamOnlyProbes = 3;
    assert.equal(detourOf(peer), Detour.Stream);
  });
});
