import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { NativeMemory } from '../../../src/foreign/index.js';
import { LiveNode, type LiveNodeOptions, LiveVtep } from '../../../src/live/index.js';
import type { LivePart } from '../../../src/live/port/live-part.js';
import { SendVector } from '../../../src/live/socket/send-vector.js';
import { SocketType, SystemSocket } from '../../../src/live/socket/system-socket.js';
import { linux } from '../../../src/live/system/linux.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { parseConfig } from '../../../src/overlay/files.js';
import { topologyOf } from '../../dataplane/topology.js';
import { HERE, portOf, withoutSockets } from '../loopback.js';
import { MemoryUnderlay, MemoryWire } from '../memory-underlay.js';
import { cipherOf } from '../running-node.js';

const STEP = 0.000_1;

/** A UDP socket that sends itself packets. */
class Loop {
  readonly #socket = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
  readonly #memory = new NativeMemory(64);
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
    this.#socket.bind(HERE, port, 'loopback');
  }

  get descriptor(): number {
    return this.#socket.descriptor;
  }

  put(): void {
    const batch = new PacketBatch(new Arena({ slots: 1, frameBytes: 64 }));
    batch.copyIn(Uint8Array.of(1), 0, 1, -1, 0);
    const vector = new SendVector(1);
    vector.setAddresses([HERE], this.#port);
    vector.send(this.descriptor, batch, 0);
    assert.equal(vector.sent, 1);
  }

  /** Whether there was one. */
  take(): boolean {
    return linux().read(this.descriptor, this.#memory.address, this.#memory.bytes.length) > 0;
  }

  close(): void {
    this.#socket.close();
  }
}

/** An underlay whose only socket is polled and stays silent. */
class PolledUnderlay extends MemoryUnderlay {
  override readonly descriptors: readonly number[];

  constructor(descriptor: number) {
    super(new MemoryWire(), Uint8Array.of(192, 168, 50, 1));
    this.descriptors = [descriptor];
  }
}

describe('a turn', { skip: withoutSockets() }, () => {
  /** Runs a test with a node whose part reads from two sockets; its clock advances by 0.1 ms each time it is read. */
  function withNode(
    onTake: (index: number, loops: readonly Loop[]) => void,
    options: Partial<LiveNodeOptions>,
    run: (node: LiveNode, loops: readonly Loop[], taken: readonly number[]) => void,
  ): void {
    const silent = new SystemSocket(4, SocketType.Datagram, 0, 'a test');
    const loops = [2, 3].map((index) => new Loop(portOf(index)));
    const taken: number[] = [];
    const part: LivePart = {
      descriptors: loops.map(({ descriptor }) => descriptor),
      pending: false,
      turn(isReady) {
        const before = taken.length;
        loops.forEach((loop, index) => {
          if (!isReady(index) || !loop.take()) return;
          taken.push(index);
          onTake(index, loops);
        });
        return taken.length - before;
      },
    };
    let now = 0;
    const node = new LiveNode({
      topology: topologyOf(),
      node: 'n1',
      underlay: new PolledUnderlay(silent.descriptor),
      arena: new Arena({ slots: 64, frameBytes: 2000 }),
      cipher: cipherOf(),
      clock: () => (now += STEP),
      parts: [part],
      ...options,
    });
    try {
      run(node, loops, taken);
    } finally {
      node.close();
      for (const loop of loops) loop.close();
      silent.close();
    }
  }

  /** The second socket answers the first. */
  const answer = (index: number, [, second]: readonly Loop[]): void => {
    if (index === 0) second.put();
  };

  test('also processes what its packets cause: an answer waits for no other', () => {
    withNode(answer, {}, (node, [first], taken) => {
      first.put();
      assert.equal(node.turn(5000), true);
      assert.deepEqual(taken, [0, 1]);
      assert.equal(node.mayHaveMore, false);
    });
  });

  test('with busyPoll, waits for packets that arrive within that time, and no longer', () => {
    for (const [busyPoll, expected] of [
      [0, [0]],
      [2 * STEP, [0]],
      [6 * STEP, [0, 1]],
    ] as const) {
      let now = 0;
      let due = Number.POSITIVE_INFINITY;
      let put = (): void => assert.fail('not yet');
      const clock = (): number => {
        now += STEP;
        if (now >= due) {
          due = Number.POSITIVE_INFINITY;
          put();
        }
        return now;
      };
      const later = (index: number, [, second]: readonly Loop[]): void => {
        if (index !== 0) return;
        due = now + 4.5 * STEP;
        put = () => second.put();
      };
      withNode(later, { clock, busyPoll }, (node, [first], taken) => {
        first.put();
        assert.equal(node.turn(5000), true);
        assert.deepEqual(taken, expected, `${busyPoll}`);
      });
    }
  });

  test('with busyPoll, ends without another packet if the clock stands still or the time is out of range', () => {
    for (const options of [
      { clock: () => 0, busyPoll: 0.001 },
      { busyPoll: Number.POSITIVE_INFINITY },
      { busyPoll: Number.NaN },
    ]) {
      withNode(
        () => undefined,
        options,
        (node, [first], taken) => {
          first.put();
          assert.equal(node.turn(5000), true);
          assert.deepEqual(taken, [0]);
        },
      );
    }
  });

  test('ends after a while though packets keep arriving, and says so, also if the clock stands still', () => {
    const again = (index: number, loops: readonly Loop[]): void => loops[index].put();
    for (const [options, most] of [
      [{}, 44],
      [{ clock: () => 0 }, 256],
    ] as const) {
      withNode(again, options, (node, [first], taken) => {
        first.put();
        assert.equal(node.turn(5000), true);
        assert.equal(node.mayHaveMore, true);
        assert.ok(taken.length > 1 && taken.length <= most, `${taken.length}`);
      });
    }
  });
});

describe('a VTEP at rest', { skip: withoutSockets() }, () => {
  test('wakes up at most sixty times per second', async () => {
    const topology = parseConfig(
      `port: ${portOf(4)}\nnodes: { n1: { vtep: 127.0.0.2 }, n2: { vtep: 127.0.0.3 } }\nnetworks: { net: { vni: 4097 } }\n`,
    );
    const vtep = await LiveVtep.open({ topology, node: 'n1', servicesInHost: false });
    const ending = new AbortController();
    const running = vtep.run(ending.signal);
    // The first turns follow each other immediately.
    await setTimeout(50);
    const began = performance.now();
    let turns = 0;
    // One for each turn of the event loop, and so of the node.
    for (; performance.now() - began < 400; turns++) await setImmediate();
    const seconds = (performance.now() - began) / 1000;
    ending.abort();
    await running;
    await vtep.close();
    assert.ok(turns <= 60 * seconds, `${turns} turns in ${seconds} s`);
  });
});
