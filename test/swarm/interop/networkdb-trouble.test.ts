/** Partitions, rotations of keys and new names, in clusters of NetworkDB and this project's member. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GossipReport } from '../../../src/swarm/index.js';
import { gossipKey, InteropCluster, knowEachOther, untilMembers, untilNodes } from './interop-cluster.js';
import { base64 } from './interop-member.js';
import { allHave, cluster, create, named, NETWORK, pair, PEERS, valueOf, values } from './networkdb-cluster.js';
import { interopRequirements } from './programs.js';

const skip = interopRequirements();

// Each mostly waits, for as long as it takes until a member is declared dead.
describe('NetworkDB and this member', { skip, concurrency: true }, () => {
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
});
