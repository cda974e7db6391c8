/** The port of a task's interface on the ingress network: frames in memory, and between two kernels' stacks. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { TapDevice } from '../../../src/live/index.js';
import { IngressPort } from '../../../src/live/ports/ingress-port.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { parseIpv4, parseMac } from '../../../src/wire/index.js';
import { missing } from '../../repository.js';
import { ACK, CLIENT, fragmentsOf, frameOf, portsOf, SYN, TASK, TRANSPORT, UDP } from '../../service/ports/packet.js';
import { NamespaceBench } from '../namespaces/namespace-bench.js';
import { requirements } from '../namespaces/requirements.js';
import { ListPort } from '../memory-underlay.js';

const PUBLISHED = [
  { protocol: 'tcp', published: 8080, target: 80 },
  { protocol: 'udp', published: 30_000, target: 53 },
] as const;
const OPTIONS = { address: TASK.join('.'), ports: PUBLISHED };

function framesIn(batch: PacketBatch): Buffer[] {
  return Array.from({ length: batch.count }, (_, i) =>
    Buffer.from(batch.arena.bytes.subarray(batch.start[i], batch.end[i])),
  );
}

function sentTo(queue: ListPort): Buffer[] {
  return queue.given.map((hex) => Buffer.from(hex, 'hex'));
}

function sendTo(port: IngressPort, frame: Buffer): void {
  const bytes = Buffer.concat([Buffer.alloc(16), frame]);
  port.send(bytes, 16, bytes.length);
}

describe('an ingress port', () => {
  test('redirects frames to the interface, and translates those from it', () => {
    const queue = new ListPort();
    const port = new IngressPort(queue, OPTIONS, () => 1);
    sendTo(port, frameOf({}));
    port.flush();
    assert.deepEqual(sentTo(queue).map(portsOf), [[20_000, 80]]);
    queue.outgoing.push(frameOf({ from: TASK, to: CLIENT, ports: [80, 20_000], flags: SYN | ACK }));
    const batch = new PacketBatch(new Arena({ slots: 8 }));
    assert.equal(port.receive(batch, 3), 1);
    assert.deepEqual(framesIn(batch).map(portsOf), [[8080, 20_000]]);
    assert.equal(batch.network[0], 3);
    assert.deepEqual(port.counters, { received: 1, sent: 1, refused: 0, refusedBy: {} });
  });

  test('what the rules drop counts as refused, with its reason, and frees its slot', () => {
    const queue = new ListPort();
    const port = new IngressPort(queue, OPTIONS, () => 1);
    sendTo(port, frameOf({ ports: [20_000, 22] }));
    queue.outgoing.push(frameOf({ from: TASK, to: CLIENT, ports: [40_000, 443] }));
    const batch = new PacketBatch(new Arena({ slots: 8 }));
    assert.equal(port.receive(batch, 0), 0);
    assert.equal(batch.arena.available, 8);
    assert.deepEqual(queue.given, []);
    const refusedBy = { NETFILTER_DROP: 1, NETFILTER_DROP_OUTPUT: 1 };
    assert.deepEqual(port.counters, { received: 0, sent: 0, refused: 2, refusedBy });
  });

  test('fragments go both ways, also if the batch is smaller than a datagram', () => {
    const payload = Buffer.alloc(3000, 'abc');
    const queue = new ListPort();
    const port = new IngressPort(queue, OPTIONS, () => 1);
    for (const fragment of fragmentsOf(frameOf({ ports: [7, 30_000], protocol: UDP, payload }), 1424)) {
      sendTo(port, fragment);
    }
    const sent = sentTo(queue);
    assert.deepEqual([sent.length, portsOf(sent[0])], [3, [7, 53]]);

    const reply = frameOf({ from: TASK, to: CLIENT, ports: [53, 7], protocol: UDP, payload });
    queue.outgoing.push(...fragmentsOf(reply, 1424), ...fragmentsOf(reply, 1424));
    const batch = new PacketBatch(new Arena({ slots: 8 }), 4);
    const received: Buffer[] = [];
    const counts: number[] = [];
    do {
      counts.push(port.receive(batch, 0));
      received.push(...framesIn(batch));
      batch.clear();
    } while (port.pending);
    counts.push(port.receive(batch, 0));
    received.push(...framesIn(batch));
    batch.clear();
    const ports = received.filter((frame) => (frame.readUInt16BE(20) & 0x1fff) === 0).map(portsOf);
    assert.deepEqual(ports, [
      [30_000, 7],
      [30_000, 7],
    ]);
    const bytes = received.reduce((sum, frame) => sum + frame.length - TRANSPORT, 0);
    assert.deepEqual([received.length, bytes, batch.arena.available], [6, 2 * 3008, 8]);
    assert.deepEqual([Math.max(...counts) <= 4, port.counters.received, port.counters.refused], [true, 6, 0]);
  });

  test('closing frees the frames that are waiting', () => {
    const queue = new ListPort();
    const port = new IngressPort(queue, OPTIONS, () => 1);
    const ping = frameOf({ from: TASK, to: CLIENT, protocol: 1, payload: Buffer.alloc(8) });
    for (let i = 0; i < 4; i++) queue.outgoing.push(ping);
    const batch = new PacketBatch(new Arena({ slots: 8 }), 4);
    batch.copyIn(ping, 0, ping.length);
    assert.equal(port.receive(batch, 0), 3);
    assert.equal(port.pending, true);
    batch.clear();
    port.close();
    assert.deepEqual([port.pending, queue.closed, batch.arena.available], [false, 1, 8]);
  });

  test("frames of the MTU must fit into the arena's slots", () => {
    const port = new IngressPort(new ListPort(), { ...OPTIONS, mtu: 1450 }, () => 1);
    assert.throws(() => port.receive(new PacketBatch(new Arena({ frameBytes: 1463 })), 0), { code: 'BAD_NODE' });
  });
});

const skip = requirements() ?? (missing('busybox') || missing('socat') || false);

describe('an ingress port between two network stacks', { skip }, () => {
  let bench: NamespaceBench | undefined;
  const taps: { close(): void }[] = [];
  let isRunning = true;
  after(() => {
    isRunning = false;
    for (const one of taps) one.close();
    bench?.close();
  });

  function tap(netns: string, address: readonly number[]): TapDevice {
    const mac = parseMac(`02:42:${address.map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`);
    const prefix = { address: parseIpv4(address.join('.')), length: 24 };
    const device = new TapDevice({ device: 'eth0', netns, mac, mtu: 1450, address: prefix });
    taps.push(device);
    return device;
  }

  test('clients reach a server by its published port, large datagrams too, and nothing else of it', async () => {
    bench = new NamespaceBench();
    const clients = bench.namespace('client');
    const tasks = bench.namespace('task');
    const client = tap(clients.name, CLIENT);
    const task = new IngressPort(tap(tasks.name, TASK), OPTIONS, () => performance.now() / 1000);
    const batch = new PacketBatch(new Arena({ slots: 256 }));
    const forward = (from: TapDevice | IngressPort, to: TapDevice | IngressPort): void => {
      from.receive(batch, 0);
      for (let i = 0; i < batch.count; i++) to.send(batch.arena.bytes, batch.start[i], batch.end[i]);
      to.flush();
      batch.clear();
    };
    const loop = (async () => {
      while (isRunning) {
        forward(client, task);
        forward(task, client);
        await setImmediate();
      }
    })();

    tasks.write('/proc/sys/net/ipv4/ip_unprivileged_port_start', '0');
    tasks.start(['socat', 'TCP-LISTEN:80,fork,reuseaddr', 'EXEC:cat']);
    tasks.start(['socat', '-b', '65000', 'UDP-RECVFROM:53,fork', 'EXEC:cat']);
    const data = 'x'.repeat(40_000);
    const echo = async (target: string, text: string): Promise<string> => {
      const program = `printf %s ${text} | socat -b 65000 -t 5 -T 2 - ${target}`;
      const { stdout, stderr } = await clients.start(['sh', '-c', program]).ended;
      return stdout === '' ? stderr : stdout;
    };
    // The server takes a moment to listen.
    assert.equal(await echo('TCP:10.0.0.5:8080,retry=50,interval=0.1', data), data);
    assert.equal(await echo('TCP:10.0.0.5:80', 'direct'), 'direct');
    const datagram = 'y'.repeat(5000);
    assert.equal(await echo('UDP:10.0.0.5:30000', datagram), datagram);
    assert.match(await echo('TCP:10.0.0.5:81,connect-timeout=1', 'z'), /timed out/);
    // Without a server behind it the task's reset comes from the published port.
    task.rules.setPorts([{ protocol: 'tcp', published: 8081, target: 81 }]);
    assert.match(await echo('TCP:10.0.0.5:8081,connect-timeout=5', 'z'), /refused/);
    assert.deepEqual([task.rules.redirected >= 3, task.rules.direct], [true, 1]);
    isRunning = false;
    await loop;
  });
});
