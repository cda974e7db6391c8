/** What is said about members that UDP reaches and TCP doesn't, when they are gone before that is over. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GossipType, MembershipEvent, MessageType, SwarmMember } from '../../../src/gossip/index.js';
import { seededRandom } from '../../../src/gossip/random.js';
import { StreamReach } from '../../../src/swarm/member/stream-reach.js';
import { Troubles } from '../../../src/swarm/member/troubles.js';
import { aliveOf, endpointOf, recordOf } from '../../gossip/member/driver.js';

const PLACE = 'node-2 at 192.168.50.2:7946';
const TO = `${PLACE} answers over UDP but not over TCP`;
const TO_AGAIN = `${PLACE} answers over TCP again.`;
const FROM = `${PLACE} is reached over TCP but doesn't reach this node over TCP`;
const FROM_AGAIN = `TCP connections from ${PLACE} arrive again.`;
const SECOND = 1000;
const PEER = endpointOf(2);

/** A member, `node-1`, that watches how streams to and from `node-2` fare. */
class Watched {
  readonly lines: string[] = [];
  now = 0;
  readonly #swarm = new SwarmMember(
    { name: 'node-1', endpoint: endpointOf(1) },
    {
      random: seededRandom(1),
      output: {
        sendPacket: () => undefined,
        openStream: () => undefined,
        memberEvent: () => undefined,
        tableChanged: () => undefined,
      },
    },
  );
  /** Ids of the pings that wait for an answer. */
  readonly #pings: number[] = [];
  readonly #reach: StreamReach;
  #incarnation = 1;

  constructor() {
    this.#swarm.start(0);
    this.#swarm.member.learn([recordOf(2)], 0);
    // Only members that have a network in common ask each other.
    this.#swarm.networkDb.joinNetwork('net', 0);
    const joins = { type: GossipType.NetworkEvent, event: MembershipEvent.Join, lTime: 5 };
    this.#swarm.networkDb.receive({ ...joins, nodeName: 'node-2', networkId: 'net' }, 0);
    const troubles = new Troubles(
      (text) => this.lines.push(text.replace(/: a firewall.*/, '')),
      () => this.now,
    );
    this.#reach = new StreamReach(this.#swarm, troubles, { open: (id) => this.#pings.push(id) });
  }

  /** Time passes, in which packets of the member arrive, and pings over TCP are answered or not. */
  passes(seconds: number, answered: boolean): void {
    for (const end = this.now + seconds * SECOND; this.now < end;) {
      this.now += SECOND;
      this.#reach.heardPacket('192.168.50.2', 7946);
      this.#reach.advance(this.now);
      for (const id of this.#pings.splice(0)) {
        if (answered) this.#reach.succeeded(id, PEER);
        else this.#reach.failed(id, PEER, 'timeout', this.now);
      }
    }
  }

  /** Questions for tables that it gets and never answers. */
  leavesUnanswered(): void {
    for (let times = 0; times < 2; times++) {
      this.#reach.asked(PEER, this.now);
      this.passes(15, true);
    }
  }

  /** A stream from the member arrives. */
  streams(): void {
    this.#reach.heardStream('192.168.50.2');
  }

  dies(): void {
    const { incarnation, name } = this.#swarm.member.peer('node-2') ?? assert.fail();
    this.#receive({ type: MessageType.Dead, incarnation, node: name, from: 'node-3' });
    this.passes(20, false);
  }

  comesBack(): void {
    this.#incarnation += 1;
    this.#receive(aliveOf(2, this.#incarnation));
  }

  #receive(part: Parameters<SwarmMember['receive']>[0][number]): void {
    this.#swarm.receive([part], endpointOf(3), this.now);
  }
}

describe('members that TCP does not reach, or that do not reach this one', () => {
  test('one that died and came back: that TCP to it works again is reported', () => {
    const watched = new Watched();
    watched.passes(20, false);
    assert.deepEqual(watched.lines, [TO]);
    watched.dies();
    watched.comesBack();
    assert.deepEqual(watched.lines, [TO]);
    watched.passes(20, true);
    assert.deepEqual(watched.lines, [TO, TO_AGAIN]);
  });

  test('one that died and came back while TCP is still blocked: once, until its end', () => {
    const watched = new Watched();
    watched.passes(20, false);
    for (let times = 0; times < 3; times++) {
      watched.dies();
      watched.passes(100, false);
      watched.comesBack();
      watched.passes(20, false);
    }
    assert.deepEqual(watched.lines, [TO]);
    watched.passes(20, true);
    assert.deepEqual(watched.lines, [TO, TO_AGAIN]);
  });

  test('one that died and came back: that its TCP connections arrive again is reported', () => {
    const watched = new Watched();
    watched.leavesUnanswered();
    assert.deepEqual(watched.lines, [FROM]);
    watched.dies();
    watched.comesBack();
    assert.deepEqual(watched.lines, [FROM]);
    watched.streams();
    assert.deepEqual(watched.lines, [FROM, FROM_AGAIN]);
  });
});
