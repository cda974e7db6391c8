import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Peer } from '../../../src/gossip/index.js';
import { Detour, PacketReach, detourOf } from '../../../src/swarm/member/packet-reach.js';
import { Troubles } from '../../../src/swarm/member/troubles.js';
import { MemberDriver } from '../../gossip/member/driver.js';

/** A member that watches how another one answers, and what it reported of that. */
class Watched {
  readonly lines: string[] = [];
  readonly peer: Peer;
  now = 0;
  readonly #driver = new MemberDriver(3);
  readonly #reach = new PacketReach(
    this.#driver.member,
    new Troubles(
      (text) => this.lines.push(text.replace(/:\D*7946, there.*/, '')),
      () => this.now,
    ),
  );

  constructor() {
    const peer = this.#driver.member.peer('node-2');
    assert.ok(peer !== undefined);
    this.peer = peer;
  }

  /** Probes that were answered by TCP alone (t), only through others (o), or directly (d), one after the other. */
  answers(how: string): void {
    const { counts } = this.#driver.member;
    for (const one of how) {
      if (one === 't') {
        this.peer.streamOnlyProbes += 1;
        counts.streamOnlyProbes += 1;
      } else {
        this.peer.streamOnlyProbes = 0;
        this.peer.relayedProbes = one === 'o' ? this.peer.relayedProbes + 1 : 0;
        if (one === 'o') counts.relayedProbes += 1;
      }
      this.#reach.check();
    }
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

  test('the state is known from the first such answer', () => {
    const { peer } = new Watched();
    assert.equal(detourOf(peer), undefined);
    peer.streamOnlyProbes = 1;
    assert.equal(detourOf(peer), Detour.Stream);
    peer.relayedProbes = 1;
    assert.equal(detourOf(peer), Detour.Members);
    peer.streamOnlyProbes = 3;
    assert.equal(detourOf(peer), Detour.Stream);
  });
});
