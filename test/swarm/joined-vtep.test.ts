/** A joined VTEP with managers that say odd things, over loopback. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { chooseAead, hkdfSha256 } from '../../src/aead/index.js';
import { LiveScreen } from '../../src/cli/capture/live-screen.js';
import { EventLines } from '../../src/cli/join/join-lines.js';
import { type JoinedAttachment, JoinedVtep, type JoinedVtepEvent } from '../../src/swarm/index.js';
import { joinedMetrics, joinedSections } from '../../src/swarm/internal.js';
import { FakeManager } from '../join/fake-manager.js';
import { FakeSwarm } from '../join/fake-swarm.js';
import { SHORT, stateDirectory } from '../join/joining.js';
import { ListPort } from '../live/memory-underlay.js';

const PATIENCE_MS = 60_000;
const random = (bytes: Uint8Array): void => void randomFillSync(bytes);

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!condition()) {
    assert.ok(performance.now() < end, what);
    await sleep(20);
  }
}

class Joined {
  readonly events: JoinedVtepEvent[] = [];
  #vtep: JoinedVtep | undefined;

  /** @param last of the address 127.0.94.LAST, which the test has for itself: the ports are the swarm's */
  static async open(
    t: TestContext,
    swarm: FakeSwarm,
    last: number,
    ...attachments: readonly JoinedAttachment[]
  ): Promise<Joined> {
    const manager = await FakeManager.start(swarm);
    t.after(() => manager.stop());
    const joined = new Joined();
    joined.#vtep = await JoinedVtep.open({
      managers: [manager.address],
      token: swarm.token,
      stateDirectory: stateDirectory(t),
      name: 'vtep-test',
      attachments,
      advertiseAddress: `127.0.94.${last}`,
      cipher: { aead: chooseAead().aead, hkdf: hkdfSha256, random },
      sockets: 'node',
      esp: false,
      portOf: () => new ListPort(),
      times: { ...SHORT, callMs: 10_000, connectMs: 10_000 },
      onEvent: (event) => joined.events.push(event),
    });
    t.after(() => joined.vtep.close({ leave: false }));
    return joined;
  }

  get vtep(): JoinedVtep {
    assert.ok(this.#vtep !== undefined);
    return this.#vtep;
  }

  get vnis(): number[] {
    return this.vtep.swarm.vtep.node.topology.networks.map(({ vni }) => vni);
  }
}

describe('a joined VTEP', { skip: process.platform === 'linux' ? false : 'loopback has one address here' }, () => {
  test('follows a network whose VNI changes under its id, while attached to it', async (t) => {
    const swarm = new FakeSwarm();
    const joined = await Joined.open(t, swarm, 1, { network: 'web' }, { network: 'web', address: '10.77.0.50' });
    await until(() => joined.vtep.node.attachments.length === 2, 'attached twice');
    await until(() => joined.vnis.join() === '4097', 'on the network');
    const network = swarm.networks.get('web');
    assert.ok(network !== undefined);
    swarm.networks.set('web', {
      ...network,
      options: new Map([['com.docker.network.driver.overlay.vxlanid_list', '5000']]),
    });
    const first = [...swarm.tasks.values()].find(({ address }) => !address.startsWith('10.77.0.50'));
    assert.ok(first !== undefined);
    swarm.remove(first);
    await until(() => joined.vnis.join() === '5000', 'on the network with its new VNI');
    assert.deepEqual(joined.vtep.swarm.networks, [network.id]);
  });

  test('shows names from managers without control characters, and refuses ids that would break others', async (t) => {
    const swarm = new FakeSwarm();
    const name = 'web\u001b[2J\n"} 1\u202e';
    const network = swarm.addNetwork(name, {});
    swarm.networks.set(name, { ...network, id: '../../etc/\u0000passwd' });
    const joined = await Joined.open(t, swarm, 2, { network: name });
    await until(() => joined.events.some(({ kind }) => kind === 'network-refused'), 'refused');
    assert.deepEqual(joined.vtep.swarm.networks, []);
    const metrics = joinedMetrics(joined.vtep);
    // eslint-disable-next-line no-control-regex -- matching them is the purpose
    assert.doesNotMatch(metrics.replaceAll('\n', ''), /[\u0000-\u001f\u202e]/);
    const lines = new EventLines();
    const shown: string[] = [];
    const screen = new LiveScreen(
      {
        isTTY: true,
        columns: 200,
        rows: 50,
        write: (text: string) => shown.push(text),
        on: () => undefined,
        off: () => undefined,
      } as never,
      { isTTY: false } as never,
      { onKey: () => undefined, onResize: () => undefined },
    );
    screen.open();
    shown.length = 0;
    const rows = [...joinedSections(joined.vtep).values()].map((section) => JSON.stringify(section()));
    screen.show([...joined.events.flatMap((event) => lines.of(event)).map(({ text }) => text), ...rows], false);
    screen.close();
    assert.doesNotMatch(shown.join(''), /\[2J\n"|\u202e/);
  });

  test('can be closed twice at once', async (t) => {
    const joined = await Joined.open(t, new FakeSwarm(), 3, { network: 'web' });
    const { swarm } = joined.vtep;
    await Promise.all([joined.vtep.close(), joined.vtep.close({ leave: false }), swarm.close(), swarm.close()]);
    await assert.rejects(swarm.report(), { code: 'CLOSED' });
    swarm.removeNetwork('x');
    swarm.removeEndpoint('x', 'y');
  });
});
