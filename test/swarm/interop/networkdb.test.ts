/**
 * This project's member of a swarm's gossip against Docker's NetworkDB of engine 20.10.24, each in a network namespace of its
 * own: both join each other, with three keys, and see the same tables whatever happens.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { GossipReport } from '../../../src/swarm/index.js';
import { gossipKey, InteropCluster, knowEachOther, untilEntries, untilMembers, untilNodes } from './interop-cluster.js';
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

function pair(text: string): readonly [string, string] {
  return [text, text];
}

/** Names for members of these kinds: aaaaaaaaaaaa and so on. */
function named(kinds: readonly MemberKind[]): (readonly [MemberKind, string])[] {
  return kinds.map((kind, index) => [kind, 'abc'[index].repeat(12)] as const);
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

describe('three members of both kinds', { skip }, () => {
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

for (const how of ['packets dropped', 'cable out'] as const) {
  for (const kinds of [
    ['networkdb', 'networkdb', 'ours'],
    ['ours', 'ours', 'networkdb'],
  ] as const) {
    test(
      `${kinds.join(', ')}: the last is cut off (${how}) while all change entries; then all agree`,
      { skip },
      async () => {
        const interop = new InteropCluster();
        try {
          const members = await cluster(interop, ...named(kinds));
          for (const member of members) for (const n of [1, 2, 3]) await create(member, `${member.name[0]}${n}`);
          const [a, b, c] = members;
          const wished = values(...members.flatMap(({ name }) => [1, 2, 3].map((n) => pair(`${name[0]}${n}`))));
          await allHave(members, wished);
          if (how === 'cable out') interop.link(c, 'down');
          else interop.isolate(c);
          await untilMembers(c, [c.name]);
          for (const member of [a, b]) await untilMembers(member, [a.name, b.name]);
          for (const member of members) {
            await member.change('update', NETWORK, PEERS, `${member.name[0]}2`, valueOf('changed'));
            await member.change('delete', NETWORK, PEERS, `${member.name[0]}3`);
            await create(member, `${member.name[0]}4`);
          }
          if (how === 'cable out') interop.link(c, 'up');
          else interop.heal();
          await knowEachOther(members);
          const after = members.flatMap(({ name: [first] }) => [
            pair(`${first}1`),
            [`${first}2`, 'changed'] as const,
            pair(`${first}4`),
          ]);
          await allHave(members, values(...after));
        } finally {
          await interop.close();
        }
      },
    );
  }
}

test('keys rotate while entries change, and a member that missed one rotation is understood', { skip }, async () => {
  const interop = new InteropCluster();
  try {
    const members = await cluster(interop, ...named(['networkdb', 'ours', 'networkdb']));
    const [, ours] = members;
    // Oldest first; Docker sends with the middle one.
    const [middle, oldest, newest] = interop.keys;
    let keys = [oldest, middle, newest];
    const wished: Record<string, string> = {};
    for (let turn = 1; turn <= 6; turn += 1) {
      const added = gossipKey();
      const [removed] = keys;
      keys = [...keys.slice(1), added];
      // Each time another one comes last: meanwhile entries of the others reach it, and the other way round.
      const late = members[turn % members.length];
      const order = [...members.filter((member) => member !== late), late];
      for (const member of order) {
        if (member === late) await allHave(members, wished);
        await member.rotate(added, keys[1], removed);
        const key = `${member.name[0]}${turn}`;
        await create(member, key);
        wished[key] = base64(valueOf(key));
      }
      await allHave(members, wished);
    }
    for (const member of members) assert.deepEqual(await member.members(), members.map(({ name }) => name).sort());
    // Packets, that is: over TCP, a bulk sync would bring the entries later.
    const { counters } = (await ours.call('report')) as GossipReport;
    assert.deepEqual(counters.dropped, {});
  } finally {
    await interop.close();
  }
});

for (const [kind, other] of [
  ['ours', 'networkdb'],
  ['networkdb', 'ours'],
] as const) {
  test(
    `${kind} is killed and back at the same address with a new name: it displaces the old one at ${other}`,
    { skip },
    async () => {
      const interop = new InteropCluster();
      try {
        const [old, stays] = await cluster(interop, [kind, 'aaaaaaaaaaaa'], [other, 'bbbbbbbbbbbb']);
        await create(old, 'a1');
        await create(stays, 'b1');
        await allHave([old, stays], values(pair('a1'), pair('b1')));
        await old.kill();
        const next = await interop.member(kind, 'cccccccccccc', 1);
        await next.join(stays);
        await next.joinNetwork(NETWORK);
        await create(next, 'c1');
        await untilMembers(stays, [next.name, stays.name]);
        // NetworkDB itself, also among its like, takes news of its old name for its successor, and itself for gone.
        if (kind === 'ours') await untilMembers(next, [next.name, stays.name]);
        await untilNodes(stays, NETWORK, [next.name, stays.name]);
        await allHave([next, stays], values(pair('b1'), pair('c1')));
      } finally {
        await interop.close();
      }
    },
  );
}
