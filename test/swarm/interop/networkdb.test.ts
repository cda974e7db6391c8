/**
 * This project's member of a swarm's gossip against Docker's NetworkDB of engine 20.10.24, each in a network namespace of its
 * own: both join each other, with three keys, and see the same tables whatever happens.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { InteropCluster, knowEachOther, untilEntries, untilMembers, untilNodes } from './interop-cluster.js';
import { base64, type InteropMember } from './interop-member.js';
import { allHave, cluster, create, NETWORK, pair, PEERS, valueOf, values } from './networkdb-cluster.js';
import { interopRequirements } from './programs.js';

const MANY = 1000;
const skip = interopRequirements();

for (const [first, second] of [
  ['networkdb', 'ours'],
  ['ours', 'networkdb'],
] as const) {
  describe(`${second} joins ${first}, with three keys`, { skip }, () => {
    let interop: InteropCluster;
    let members: InteropMember[];

    before(async () => {
      interop = new InteropCluster();
      members = await cluster(interop, [first, 'aaaaaaaaaaaa'], [second, 'bbbbbbbbbbbb']);
    });
    after(() => interop.close());

    test('entries of either arrive at the other, with equal values', async () => {
      const [a, b] = members;
      await create(a, 'a1');
      await create(b, 'b1');
      await allHave(members, values(['a1', 'a1'], ['b1', 'b1']));
    });

    test('updates arrive', async () => {
      const [a, b] = members;
      await a.change('update', NETWORK, PEERS, 'a1', valueOf('new of a'));
      await b.change('update', NETWORK, PEERS, 'b1', valueOf('new of b'));
      await allHave(members, values(['a1', 'new of a'], ['b1', 'new of b']));
    });

    test('deletions arrive', async () => {
      const [a, b] = members;
      await a.change('delete', NETWORK, PEERS, 'a1');
      await allHave(members, values(['b1', 'new of b']));
      await b.change('delete', NETWORK, PEERS, 'b1');
      await allHave(members, {});
    });

    test('a deleted entry of ours can be created again; NetworkDB itself refuses that for half an hour', async () => {
      const [ours, theirs] = members[0].kind === 'ours' ? members : [members[1], members[0]];
      await create(ours, `${ours.name[0]}1`, 'again');
      await create(theirs, `${theirs.name[0]}2`, 'again');
      await allHave(members, values([`${ours.name[0]}1`, 'again'], [`${theirs.name[0]}2`, 'again']));
    });

    test('the entries of a member that leaves a network vanish for the other, and it can join again', async () => {
      for (const [leaver, other] of [members, [...members].reverse()]) {
        const before = await other.entries(NETWORK, PEERS);
        const kept = Object.entries(before).filter(([key]) => key.startsWith(other.name[0]));
        assert.equal(kept.length, Object.keys(before).length - 1);
        await leaver.leaveNetwork(NETWORK);
        await untilNodes(other, NETWORK, [other.name]);
        await untilEntries(other, NETWORK, PEERS, Object.fromEntries(kept));
        await leaver.joinNetwork(NETWORK);
        for (const member of members) await untilNodes(member, NETWORK, [leaver.name, other.name]);
        await create(leaver, `${leaver.name[0]}3`, 'back');
        await allHave(members, { ...Object.fromEntries(kept), ...values([`${leaver.name[0]}3`, 'back']) });
      }
    });

    test('a member that leaves is left, not dead: nothing of it stays, and it is not searched for', async () => {
      const [a, b] = members;
      const mark = a.mark;
      await b.leave();
      await untilMembers(a, [a.name]);
      await untilNodes(a, NETWORK, [a.name]);
      await allHave([a], values(['a3', 'back']));
      assert.doesNotMatch(a.logText(mark), /Suspect|suspect|failed nodes list/);
    });
  });
}

describe('a late joiner gets all of 1,000 entries by bulk sync', { skip }, () => {
  for (const [first, second] of [
    ['networkdb', 'ours'],
    ['ours', 'networkdb'],
  ] as const) {
    test(`${second} from ${first}, and the other way round`, async () => {
      const interop = new InteropCluster();
      try {
        const early = await interop.member(first, 'aaaaaaaaaaaa', 1);
        const late = await interop.member(second, 'bbbbbbbbbbbb', 2);
        for (const member of [early, late]) await member.joinNetwork(NETWORK);
        const wished: Record<string, string> = {};
        for (let i = 0; i < MANY; i += 1) {
          for (const member of [early, late]) {
            await create(member, `${member.name}${i}`);
            wished[`${member.name}${i}`] = base64(valueOf(`${member.name}${i}`));
          }
        }
        await late.join(early);
        await allHave([early, late], wished);
      } finally {
        await interop.close();
      }
    });
  }
});

describe('three members of both kinds', { skip, concurrency: true }, () => {
  for (const [kinds, stopped] of [
    [['networkdb', 'ours', 'networkdb'], 1],
    [['ours', 'networkdb', 'ours'], 1],
    [['ours', 'networkdb', 'networkdb'], 2],
  ] as const) {
    test(`${kinds.join(', ')}: ${kinds[stopped]} stops, is suspected and declared dead, and comes back`, async () => {
      const interop = new InteropCluster();
      try {
        const members = await cluster(interop, ...kinds.map((kind, index) => [kind, 'abc'[index].repeat(12)] as const));
        for (const member of members) await create(member, member.name);
        const all = values(...members.map(({ name }) => [name, name] as const));
        await allHave(members, all);
        const victim = members[stopped];
        const others = members.filter((member) => member !== victim);
        const rest = values(...others.map(({ name }) => pair(name)));
        victim.pause();
        for (const member of others) {
          await untilMembers(
            member,
            others.map(({ name }) => name),
          );
        }
        await allHave(others, rest);
        victim.resume();
        await knowEachOther(members);
        for (const member of members) {
          await untilNodes(
            member,
            NETWORK,
            members.map(({ name }) => name),
          );
        }
        await allHave(members, all);
      } finally {
        await interop.close();
      }
    });
  }
});
