/**
 * This project's member of a swarm's gossip against HashiCorp's memberlist 0.2.2 with nothing on top, each in a network
 * namespace of its own: encryption, push/pull, user messages, suspicion, refutation and departure.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  decodeGossip,
  encodeGossip,
  EntryEvent,
  GossipType,
  isFault,
  MembershipEvent,
} from '../../../src/gossip/index.js';
import { InteropCluster, knowEachOther, untilEntries, untilMembers, untilNodes } from './interop-cluster.js';
import { base64, type InteropMember } from './interop-member.js';
import { interopRequirements } from './programs.js';

const NETWORK = 'r0yqus78gwe90z4dmog6y22cv';
const PEERS = 'overlay_peer_table';
const skip = interopRequirements();

/** What memberlist's user, NetworkDB, would say in a push/pull and in messages. */
const spoken = {
  state: (node: string) =>
    encodeGossip({
      type: GossipType.PushPull,
      lTime: 5,
      nodeName: node,
      networks: [{ networkId: NETWORK, lTime: 5, nodeName: node, leaving: false }],
    }),
  onNetwork: (node: string, lTime: number) =>
    encodeGossip({
      type: GossipType.NetworkEvent,
      event: MembershipEvent.Join,
      lTime,
      nodeName: node,
      networkId: NETWORK,
    }),
  entry: (node: string, key: string, lTime: number, value: Uint8Array) =>
    encodeGossip({
      type: GossipType.Compound,
      messages: [
        encodeGossip({
          type: GossipType.TableEvent,
          event: EntryEvent.Create,
          lTime,
          nodeName: node,
          networkId: NETWORK,
          tableName: PEERS,
          key,
          value,
          residualReapTime: 0,
        }),
      ],
    }),
};

// Each mostly waits, for as long as it takes until a member is declared dead.
describe('memberlist and this member', { skip, concurrency: true }, () => {
  for (const keys of [3, 0]) {
    for (const direction of ['ours joins memberlist', 'memberlist joins ours']) {
      describe(`${direction}, ${keys === 0 ? 'in clear text' : 'with three keys'}`, { concurrency: false }, () => {
        let interop: InteropCluster;
        let ours: InteropMember;
        let theirs: InteropMember;

        before(async () => {
          interop = new InteropCluster(keys);
          ours = await interop.member('ours', 'aaaaaaaaaaaa', 1);
          theirs = await interop.member('memberlist', 'bbbbbbbbbbbb', 2);
          await theirs.call('setState', { value: base64(spoken.state('bbbbbbbbbbbb')) });
          await ours.joinNetwork(NETWORK);
          if (direction === 'ours joins memberlist') await ours.join(theirs);
          else await theirs.join(ours);
          await knowEachOther([ours, theirs]);
        });
        after(() => interop.close());

        test('the push/pull brings the state of both', async () => {
          await untilNodes(ours, NETWORK, ['aaaaaaaaaaaa', 'bbbbbbbbbbbb']);
          const { value = '' } = await theirs.event('state', ({ event }) => event === 'state');
          const state = decodeGossip(Buffer.from(value, 'base64'));
          assert.ok(!isFault(state) && state.type === GossipType.PushPull);
          assert.equal(state.nodeName, 'aaaaaaaaaaaa');
          assert.deepEqual(
            state.networks.map(({ networkId, nodeName }) => [networkId, nodeName]),
            [[NETWORK, 'aaaaaaaaaaaa']],
          );
        });

        test('user messages arrive by packet, stream and gossip', async () => {
          const value = Uint8Array.of(1, 0, 255);
          const wished: Record<string, string> = {};
          const ways = [
            ['packet', { reliable: false }],
            ['stream', { reliable: true }],
          ] as const;
          let lTime = 10;
          for (const [key, how] of ways) {
            const body = spoken.entry('bbbbbbbbbbbb', key, (lTime += 1), value);
            await theirs.call('send', { to: 'aaaaaaaaaaaa', value: base64(body), ...how });
            wished[key] = base64(value);
            await untilEntries(ours, NETWORK, PEERS, wished);
          }
          await theirs.call('gossip', { value: base64(spoken.entry('bbbbbbbbbbbb', 'gossip', 20, value)) });
          await untilEntries(ours, NETWORK, PEERS, { ...wished, gossip: base64(value) });
        });

        test('an entry of ours is in a user message there', async () => {
          await ours.change('create', NETWORK, PEERS, 'own', Uint8Array.of(7));
          await theirs.event('the entry', ({ event, value = '' }) => {
            if (event !== 'message') return false;
            const message = decodeGossip(Buffer.from(value, 'base64'));
            if (isFault(message) || message.type !== GossipType.Compound) return false;
            return message.messages.some((bytes) => {
              const part = decodeGossip(bytes);
              return !isFault(part) && part.type === GossipType.TableEvent && part.key === 'own' && part.value[0] === 7;
            });
          });
        });

        for (const [stopped, other] of [
          ['ours', 'theirs'],
          ['theirs', 'ours'],
        ] as const) {
          test(`${stopped} stops and is declared dead at ${other}; it goes on, and is back`, async () => {
            const [victim, witness] = stopped === 'ours' ? [ours, theirs] : [theirs, ours];
            victim.pause();
            await untilMembers(witness, [witness.name]);
            victim.resume();
            // Memberlist alone doesn't try to reach it again.
            await theirs.join(ours);
            await knowEachOther([ours, theirs]);
          });
        }

        test('a member that leaves is gone at once', async () => {
          const mark = theirs.mark;
          await ours.leave();
          await theirs.event('left', ({ event, name }) => event === 'left' && name === 'aaaaaaaaaaaa', mark);
          assert.doesNotMatch(theirs.logText(mark), /Suspect aaaaaaaaaaaa/);
        });
      });
    }
  }
});
