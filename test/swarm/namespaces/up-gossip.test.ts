/** `vtep up --gossip` on three nodes, none of whose configs lists another. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { requirements } from '../../live/namespaces/requirements.js';
import { RunningPing } from '../../live/namespaces/running-ping.js';
import { gossipKeys, type GossipNode, GossipNodes, untilAnswered } from './gossip-nodes.js';

const PATIENCE_MS = 60_000;
const NEW = '10.0.9.31';

describe('three nodes that learn each other from gossip', { skip: requirements() }, () => {
  let all: GossipNodes | undefined;
  const nodes = (): readonly GossipNode[] => all?.nodes ?? [];
  before(async () => {
    all = new GossipNodes();
    await Promise.all(nodes().map(({ up }) => up.start(PATIENCE_MS)));
  });
  after(() => all?.close());

  async function allAnswer(): Promise<void> {
    for (const from of nodes()) {
      for (const to of nodes()) {
        if (from === to) continue;
        await untilAnswered(from.container, to.clear);
        await untilAnswered(from.container, to.encrypted);
      }
    }
  }

  test('every endpoint reaches every other one, on the clear and on the encrypted network', allAnswer);

  test("an endpoint's name resolves on another node", () => {
    const [first] = nodes();
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = first.container.call(['node', '-e', RESOLVE, 'a2']).trim();
      if (answer === nodes()[1].clear) return;
      assert.ok(performance.now() < end, answer);
    }
  });

  test('an endpoint that a reload adds is reached, and one that it removes is gone', async () => {
    const [first, second] = nodes();
    first.write({ c1: { network: 'clear', node: 'n1', ip: NEW, device: 'eth2', netns: first.container.name } });
    await first.up.reload();
    await untilAnswered(second.container, NEW);
    first.write();
    await first.up.reload();
    await untilAnswered(second.container, NEW, false);
    await untilAnswered(second.container, first.clear);
  });

  test("a killed node's endpoints vanish, and it is reached again when it is back", async () => {
    const third = nodes()[2];
    await third.up.kill();
    await untilAnswered(nodes()[0].container, third.clear, false);
    await third.up.start(PATIENCE_MS);
    await allAnswer();
  });

  test('gossip keys rotate by reloads, while an endpoint is pinged', async () => {
    const [first, second] = nodes();
    const pings = await RunningPing.start(first.container, second.clear);
    for (const tag of [2, 3]) {
      for (const { keys, up } of nodes()) {
        writeFileSync(keys, gossipKeys(tag));
        await up.reload();
      }
    }
    const { sent, lost } = await pings.stop();
    assert.ok(sent > 0);
    assert.equal(lost, 0);
    first.write({ c1: { network: 'clear', node: 'n1', ip: NEW, device: 'eth2', netns: first.container.name } });
    await first.up.reload();
    await untilAnswered(nodes()[2].container, NEW);
  });

  test('all end normally, with balanced counters', async () => {
    await Promise.all(nodes().map(({ up }) => up.stop()));
  });
});

const RESOLVE = "require('dns').lookup(process.argv[1], (error, address) => console.log(error?.code ?? address))";
