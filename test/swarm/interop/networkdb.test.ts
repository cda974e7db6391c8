/**
 * This project's member of a swarm's gossip against Docker's NetworkDB of engine 20.10.24, each in a network namespace of its
 * own: both join each other, with three keys, and see the same tables whatever happens.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { InteropCluster, knowEachOther, untilEntries, untilMembers, untilNodes } from './interop-cluster.js';
import { base64, type InteropMember, type MemberKind } from './interop-member.js';
import { interopRequirements } from './programs.js';

const NETWORK = 'r0yqus78gwe90z4dmog6y22cv';
const PEERS = 'overlay_peer_table';
const MANY = 1000;
const skip = interopRequirements();

/** A value of its own: more than ASCII, and longer than what MessagePack writes with one byte. */
function valueOf(text: string): Uint8Array {
  return Uint8Array.from([0, 255, 10, ...Buffer.from(text.padEnd(40, '.'))]);
}

function values(...texts: readonly (readonly [key: string, text: string])[]): Record<string, string> {
  return Object.fromEntries(texts.map(([key, text]) => [key, base64(valueOf(text))]));
}

async function create(member: InteropMember, key: string, text = key): Promise<void> {
  await member.change('create', NETWORK, PEERS, key, valueOf(text));
}

/** Waits until all have exactly these entries. */
async function allHave(members: readonly InteropMember[], wished: Record<string, string>): Promise<void> {
  await Promise.all(members.map((member) => untilEntries(member, NETWORK, PEERS, wished)));
}

/** Starts members that know each other and are on the network; the later ones join the first. */
async function cluster(
  interop: InteropCluster,
  ...kinds: readonly (readonly [MemberKind, string])[]
): Promise<InteropMember[]> {
  const members: InteropMember[] = [];
  for (const [kind, name] of kinds) {
    const member = await interop.member(kind, name, members.length + 1);
    if (members.length > 0) await member.join(members[0]);
    members.push(member);
  }
  await knowEachOther(members);
  for (const member of members) await member.joinNetwork(NETWORK);
  const names = members.map(({ name }) => name);
  for (const member of members) await untilNodes(member, NETWORK, names);
  return members;
}

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

    test('a deleted entry can be created again', async () => {
      for (const [index, member] of members.entries()) await create(member, `${'ab'[index]}1`, 'again');
      await allHave(members, values(['a1', 'again'], ['b1', 'again']));
    });

    test('a network that a member leaves is empty for it, and its entries vanish for the other', async () => {
      for (const [leaver, other] of [members, [...members].reverse()]) {
        const key = (member: InteropMember): string => `${member.name[0]}1`;
        await leaver.leaveNetwork(NETWORK);
        await untilNodes(other, NETWORK, [other.name]);
        await untilEntries(other, NETWORK, PEERS, values([key(other), 'again']));
        await leaver.joinNetwork(NETWORK);
        for (const member of members) await untilNodes(member, NETWORK, [leaver.name, other.name]);
        await create(leaver, key(leaver), 'again');
        await allHave(members, values(['a1', 'again'], ['b1', 'again']));
      }
    });

    test('a member that leaves is left, not dead: nothing of it stays, and it is not searched for', async () => {
      const [a, b] = members;
      const mark = a.mark;
      await b.leave();
      await untilMembers(a, [a.name]);
      await untilNodes(a, NETWORK, [a.name]);
      await allHave([a], values(['a1', 'again']));
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

describe('three members, two of NetworkDB', { skip }, () => {
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
        const { [victim.name]: _, ...rest } = all;
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
