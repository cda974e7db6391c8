import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageType, NodeState, type PacketPart, SWARM_VERSIONS } from '../../../src/gossip/index.js';
import { MemberDriver, aliveOf, endpointOf, recordOf } from './driver.js';

function suspect(index: number, incarnation: number, from: number): PacketPart {
  return { type: MessageType.Suspect, incarnation, node: `node-${index}`, from: `node-${from}` };
}

function dead(index: number, incarnation: number, from: number): PacketPart {
  return { type: MessageType.Dead, incarnation, node: `node-${index}`, from: `node-${from}` };
}

test('a member that answers no ping is asked for through others, then suspected, then declared dead', () => {
  const driver = new MemberDriver(3);
  driver.run(1100, () => driver.parts(MessageType.Ping).length > 0);
  const start = driver.now;
  const ping = driver.parts(MessageType.Ping).at(0);
  assert.ok(ping !== undefined);
  assert.equal(ping.sourceNode, 'node-1');
  driver.run(start + 499);
  assert.equal(driver.parts(MessageType.IndirectPing).length, 0);
  driver.run(start + 500);
  const request = driver.parts(MessageType.IndirectPing).at(0);
  assert.equal(request?.seqNo, ping.seqNo);
  assert.equal(request.nack, true);
  assert.equal(driver.streams.at(-1)?.message.type, MessageType.Ping);
  driver.run(start + 1000);
  const peer = driver.member.peer(ping.node);
  assert.equal(peer?.state, NodeState.Suspect);
  // With 3 members no confirmation is expected: 4 seconds.
  driver.run(start + 4999);
  assert.equal(peer.state, NodeState.Suspect);
  driver.run(start + 5000);
  assert.equal(peer.state, NodeState.Dead);
  const event = driver.events.at(-1);
  assert.ok(event?.kind === 'failed');
  assert.equal(event.from, 'node-1');
});

test('an ack through another member ends the probe well', () => {
  const driver = new MemberDriver(3);
  driver.run(1100, () => driver.parts(MessageType.Ping).length > 0);
  const ping = driver.parts(MessageType.Ping).at(0);
  assert.ok(ping !== undefined);
  driver.run(driver.now + 600);
  driver.receive(3, { type: MessageType.Ack, seqNo: ping.seqNo, payload: undefined });
  driver.run(driver.now + 390);
  assert.equal(driver.member.peer(ping.node)?.state, NodeState.Alive);
  assert.equal(driver.member.healthScore, 0);
});

test('an answer by stream alone keeps a member alive, and is counted', () => {
  const driver = new MemberDriver(2);
  driver.run(1600, () => driver.streams.some(({ message }) => message.type === MessageType.Ping));
  const stream = driver.streams.find(({ message }) => message.type === MessageType.Ping);
  assert.ok(stream?.message.type === MessageType.Ping);
  const { seqNo } = stream.message;
  driver.member.streamAnswered(stream.id, { type: MessageType.Ack, seqNo, payload: undefined }, driver.now);
  driver.run(driver.now + 600);
  assert.equal(driver.state(2), NodeState.Alive);
  assert.equal(driver.member.counts.streamOnlyProbes, 1);
});

test('missing nacks lower the health, nacks do not', () => {
  for (const nacks of [0, 3]) {
    const driver = new MemberDriver(10);
    driver.run(1100, () => driver.parts(MessageType.Ping).length > 0);
    const ping = driver.parts(MessageType.Ping).at(0);
    assert.ok(ping !== undefined);
    driver.run(driver.now + 500);
    for (let count = 0; count < nacks; count += 1) driver.receive(5, { type: MessageType.Nack, seqNo: ping.seqNo });
    driver.run(driver.now + 490, () => driver.member.counts.failedProbes > 0);
    driver.run(driver.now + 20, () => driver.member.counts.failedProbes > 0);
    assert.equal(driver.member.healthScore, 3 - nacks);
  }
});

test('a suspect is told with the ping, in a packet with a checksum', () => {
  const driver = new MemberDriver(2);
  driver.receive(9, suspect(2, 1, 9));
  driver.run(1100, () => driver.parts(MessageType.Ping).length > 0);
  const packet = driver.sent.find(({ parts }) => parts[0]?.type === MessageType.Ping);
  assert.equal(packet?.crc, true);
  assert.deepEqual(packet.parts[1], suspect(2, 1, 1));
});

test('a member contradicts suspicion and death with a higher incarnation, and trusts itself less', () => {
  const driver = new MemberDriver(3);
  driver.receive(2, suspect(1, 1, 2));
  assert.equal(driver.member.self.incarnation, 2);
  driver.receive(2, dead(1, 7, 2));
  assert.equal(driver.member.self.incarnation, 8);
  assert.equal(driver.member.healthScore, 2);
  driver.run(300);
  const alive = driver.parts(MessageType.Alive).filter(({ node }) => node === 'node-1');
  assert.equal(alive.at(-1)?.incarnation, 8);
});

test('alive needs a higher incarnation than suspicion, dead does not', () => {
  const driver = new MemberDriver(4);
  driver.receive(3, suspect(2, 1, 3));
  driver.receive(2, aliveOf(2, 1));
  assert.equal(driver.state(2), NodeState.Suspect);
  driver.receive(2, aliveOf(2, 2));
  assert.equal(driver.state(2), NodeState.Alive);
  driver.receive(3, dead(2, 1, 3));
  assert.equal(driver.state(2), NodeState.Alive);
  driver.receive(3, dead(2, 2, 3));
  assert.equal(driver.state(2), NodeState.Dead);
});

test('later evidence of a death keeps an older alive from reviving the member', () => {
  for (const [monotonicIncarnations, state] of [
    [true, NodeState.Dead],
    [false, NodeState.Alive],
  ] as const) {
    const driver = new MemberDriver(3, { monotonicIncarnations });
    driver.receive(3, dead(2, 1, 3));
    driver.receive(3, dead(2, 10, 3));
    driver.receive(3, aliveOf(2, 2));
    assert.equal(driver.state(2), state);
  }
});

test('an accusation of a member that is not known is passed on once, if at all', () => {
  for (const forwardAccusations of [true, false]) {
    const driver = new MemberDriver(3, { forwardAccusations });
    driver.receive(3, dead(8, 100, 3));
    driver.run(10_000);
    driver.receive(3, dead(8, 100, 3));
    driver.sent = [];
    driver.run(12_000);
    assert.equal(driver.parts(MessageType.Dead).filter(({ node }) => node === 'node-8').length, 0);
    assert.equal(driver.member.counts.forwardedAccusations, forwardAccusations ? 1 : 0);
  }
});

test('a stale alive is answered by the accusation that it does not know of', () => {
  const driver = new MemberDriver(3);
  driver.receive(3, dead(2, 100, 3));
  driver.runHealthy(20_000);
  driver.sent = [];
  driver.receive(3, aliveOf(2, 1));
  driver.run(driver.now + 200);
  assert.deepEqual(driver.parts(MessageType.Dead)[0], dead(2, 100, 1));
});

test('a name at a second address is a conflict until it has left', () => {
  const driver = new MemberDriver(3);
  driver.receive(9, aliveOf(2, 5, 9));
  assert.equal(driver.events.at(-1)?.kind, 'conflict');
  assert.equal(driver.member.peer('node-2')?.endpoint.addr[3], 2);
  driver.receive(2, dead(2, 1, 2));
  assert.equal(driver.state(2), NodeState.Left);
  driver.receive(9, aliveOf(2, 1, 9));
  assert.equal(driver.state(2), NodeState.Alive);
  assert.equal(driver.member.peer('node-2')?.endpoint.addr[3], 9);
});

test('a ping for another name is not answered', () => {
  const driver = new MemberDriver(2);
  driver.receive(2, { type: MessageType.Ping, seqNo: 5, node: 'node-9' });
  assert.equal(driver.sent.length, 0);
  assert.equal(driver.member.counts.misdirectedPings, 1);
  driver.receive(2, { type: MessageType.Ping, seqNo: 6, node: 'node-1' });
  assert.equal(driver.parts(MessageType.Ack)[0]?.seqNo, 6);
});

test('a ping for another member is passed on, and its answer back, or a nack', () => {
  for (const isAnswered of [true, false]) {
    const driver = new MemberDriver(3);
    const { addr, port } = endpointOf(3);
    driver.receive(2, { type: MessageType.IndirectPing, seqNo: 9, target: addr, port, node: 'node-3', nack: true });
    const ping = driver.sent.find(({ to }) => to === 3)?.parts[0];
    assert.ok(ping?.type === MessageType.Ping);
    assert.equal(ping.node, 'node-3');
    if (isAnswered) driver.receive(3, { type: MessageType.Ack, seqNo: ping.seqNo, payload: undefined });
    driver.run(520);
    assert.equal(driver.parts(MessageType.Ack).filter(({ seqNo }) => seqNo === 9).length, isAnswered ? 1 : 0);
    assert.equal(driver.parts(MessageType.Nack).filter(({ seqNo }) => seqNo === 9).length, isAnswered ? 0 : 1);
  }
});

test('a push/pull is answered with the state before it is merged', () => {
  const driver = new MemberDriver(2);
  const nodes = [recordOf(7), recordOf(2, NodeState.Dead)];
  const answer = driver.member.receiveStream(
    { type: MessageType.PushPull, join: true, nodes, userState: undefined },
    0,
  );
  assert.ok(answer?.type === MessageType.PushPull);
  assert.deepEqual(answer.nodes.map(({ name, state }) => [name, state]).sort(), [
    ['node-1', NodeState.Alive],
    ['node-2', NodeState.Alive],
  ]);
  assert.equal(driver.state(7), NodeState.Alive);
  // Dead on hearsay: only suspected.
  assert.equal(driver.state(2), NodeState.Suspect);
});

test('suspicions from push/pulls confirm nothing', () => {
  for (const attributeHearsay of [true, false]) {
    const driver = new MemberDriver(10, { attributeHearsay });
    driver.receive(3, suspect(2, 1, 3));
    const nodes = [recordOf(2, NodeState.Suspect)];
    driver.member.receiveStream({ type: MessageType.PushPull, join: false, nodes, userState: undefined }, driver.now);
    const expected = attributeHearsay ? 24_000 : Math.floor(24_000 - (Math.log(2) / Math.log(3)) * 20_000);
    assert.equal(driver.member.peer('node-2')?.suspicion?.deadline, expected);
  }
});

test('a join that fails is reported', () => {
  const driver = new MemberDriver(1);
  const results: boolean[] = [];
  driver.member.join([endpointOf(5)], 0, (succeeded) => results.push(succeeded));
  const stream = driver.streams.at(0);
  assert.ok(stream?.message.type === MessageType.PushPull);
  assert.equal(stream.message.join, true);
  assert.equal(stream.deadline, 10_000);
  driver.member.streamFailed(stream.id, 10_000);
  driver.member.streamFailed(stream.id, 10_001);
  assert.deepEqual(results, [false]);
  assert.deepEqual(
    driver.events.map(({ kind }) => kind),
    ['unreachable'],
  );
});

test('the dead get gossip for a while, then are forgotten', () => {
  const driver = new MemberDriver(3);
  driver.receive(3, dead(2, 1, 3));
  driver.run(5000);
  assert.ok(driver.sent.some(({ to }) => to === 2));
  driver.runHealthy(40_000);
  assert.equal(driver.member.peer('node-2'), undefined);
});

test('a member that leaves says so, and no longer contradicts', () => {
  const driver = new MemberDriver(3);
  driver.member.leave(0);
  assert.equal(driver.member.hasLeft, false);
  driver.receive(2, suspect(1, 1, 2));
  driver.run(4000);
  const message = driver.parts(MessageType.Dead).at(0);
  assert.deepEqual(message, dead(1, 1, 1));
  assert.equal(driver.member.hasLeft, true);
  assert.equal(
    driver.parts(MessageType.Alive).some(({ incarnation }) => incarnation > 1),
    false,
  );
});

test('a flood of forged members is refused and counted', () => {
  const driver = new MemberDriver(1, { maxMembers: 50, maxBroadcasts: 20 });
  for (let index = 0; index < 1000; index += 1) {
    const { addr, port } = endpointOf(index & 0xff);
    const node = `forged-${index}`;
    driver.receive(2, {
      type: MessageType.Alive,
      incarnation: 1,
      node,
      addr,
      port,
      meta: undefined,
      vsn: SWARM_VERSIONS,
    });
  }
  assert.equal(driver.member.size, 50);
  assert.equal(driver.member.counts.refusedMembers, 951);
  assert.equal(driver.member.queued, 20);
  assert.equal(driver.member.evictedBroadcasts, 30);
  for (let index = 0; index < 2000; index += 1) driver.receive(2, dead(1000 + index, 5, 2));
  assert.equal(driver.member.queued, 20);
});

test('impossible incarnations and versions are refused and counted', () => {
  const driver = new MemberDriver(2);
  driver.receive(2, suspect(1, 0xffff_ffff, 2));
  assert.equal(driver.member.self.incarnation, 1);
  assert.equal(driver.member.counts.impossibleIncarnations, 1);
  const { addr, port } = endpointOf(4);
  const alive = { type: MessageType.Alive, incarnation: 1, node: 'x', addr, port, meta: undefined } as const;
  for (const vsn of [[], [0, 5, 2, 0, 0, 0], [5, 1, 2, 0, 0, 0]])
    driver.receive(2, { ...alive, vsn: Uint8Array.from(vsn) });
  assert.equal(driver.member.counts.badVersions, 3);
  assert.equal(driver.member.peer('x'), undefined);
});
