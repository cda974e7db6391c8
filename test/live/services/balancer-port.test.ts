import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BalancerPort, type BalancerPortOptions } from '../../../src/live/services/balancer-port.js';
import { Arena, BATCH_CAPACITY, PacketBatch } from '../../../src/memory/index.js';
import { EndpointKind, type Topology } from '../../../src/overlay/index.js';
import { LoadBalancer } from '../../../src/service/index.js';
import { framesOf } from '../../cli/frames.js';
import { fixture } from '../../repository.js';
import { hexOf, pairsOf, put, replayed } from '../../service/balance/recording.js';
import { topologyOf } from '../../dataplane/topology.js';
import { MemoryWire } from '../memory-underlay.js';
import { Running, settle } from '../running-node.js';

const INGRESS = [8080];

/** Node 1's ingress sandbox, as recorded. */
function ingress(): LoadBalancer {
  const balancer = new LoadBalancer({ back: { address: '10.0.0.2' }, front: { address: '172.18.0.2' } });
  const published = INGRESS.map((port) => ({ protocol: 'tcp', port }) as const);
  const web = balancer.addService({ name: 'my-web', vip: '10.0.0.4', published });
  for (const address of ['10.0.0.6', '10.0.0.7', '10.0.0.5']) balancer.addBackend(web, { address });
  return balancer;
}

/** The LB sandbox of the recorded IPVS guest. */
function sandbox(): LoadBalancer {
  const random = (bytes: Uint8Array): void => void bytes.fill(7);
  const balancer = new LoadBalancer({ back: { address: '10.0.9.7' }, random });
  const web = balancer.addService({ name: 'my-web', vip: '10.0.9.2' });
  for (const address of ['10.0.9.3', '10.0.9.4', '10.0.9.5']) balancer.addBackend(web, { address });
  return balancer;
}

/** A port, and what a node does with it. */
class Attached {
  readonly arena: Arena;
  readonly back: BalancerPort;
  readonly batch: PacketBatch;
  now = 1;

  constructor(
    readonly balancer: LoadBalancer,
    options: Partial<BalancerPortOptions> = {},
    slots = 600,
  ) {
    this.arena = new Arena({ slots, frameBytes: 2000, debug: true });
    this.back = new BalancerPort({ name: 'lb', balancer, arena: this.arena, clock: () => this.now, ...options });
    this.batch = new PacketBatch(this.arena);
  }

  /** Reads the frames that wait at a port. */
  read(port: BalancerPort = this.back, batch = this.batch): string[] {
    assert.equal(port.receive(batch, 3), batch.count);
    const frames = Array.from({ length: batch.count }, (_, i) => {
      assert.equal(batch.network[i], 3);
      return hexOf(batch.arena.bytes.subarray(batch.start[i], batch.end[i]));
    });
    batch.clear();
    return frames;
  }

  /** Every slot is free again. */
  empty(): void {
    assert.deepEqual(this.arena.holders(), []);
  }
}

function send(port: BalancerPort, ...frames: readonly string[]): void {
  for (const hex of frames) {
    const bytes = Buffer.from(hex, 'hex');
    port.send(bytes, 0, bytes.length);
  }
}

function ipvsFrames(): readonly string[] {
  return pairsOf('nat-ipvs', 'ipvs-2-weight0.pcap').map(({ before_hex }) => before_hex);
}

/** A broadcast ARP request of 10.0.9.10 for an address. */
function arpFor(...address: readonly number[]): string {
  const head = 'ffffffffffff02420a00090a08060001080006040001';
  return `${head}02420a00090a0a00090a000000000000${hexOf(Uint8Array.from(address))}`;
}

describe("a load balancer's port", () => {
  test('translates 106 frames between two legs as recorded: each direction leaves by the other leg', () => {
    const lb = new Attached(ingress());
    const front = lb.back.addFront('lb front');
    const numbered = [
      ...pairsOf('nat-ingress', 'ingress-sbox-forward-node1').map((pair) => ({ at: pair.before_packet, pair })),
      ...pairsOf('nat-ingress', 'ingress-sbox-reply-node1').map((pair) => ({ at: pair.after_packet, pair })),
    ].sort((a, b) => a.at - b.at);
    for (const { pair } of numbered) {
      lb.now += 0.01;
      const isForward = pair.before_hex.startsWith('0242ac120002');
      const [from, to] = isForward ? [front, lb.back] : [lb.back, front];
      send(from, pair.before_hex);
      assert.deepEqual([lb.back.pending, front.pending], [false, false], 'nothing is translated before the flush');
      from.flush();
      assert.deepEqual([from.pending, to.pending], [false, true]);
      assert.deepEqual(lb.read(to), [pair.after_hex]);
    }
    assert.equal(numbered.length, 106);
    assert.deepEqual([front.counters.sent + lb.back.counters.sent, lb.back.counters.refused], [106, 0]);
    lb.empty();
  });

  test("a flush's frames come out as they would one by one, in order", () => {
    const frames = [...ipvsFrames()];
    assert.equal(frames.length, 57);
    const single = sandbox();
    const expected = frames.flatMap((hex) => put(single, Buffer.from(hex, 'hex'), 1) as string[]);
    const lb = new Attached(sandbox());
    const got: string[] = [];
    for (let at = 0; at < frames.length; at += 20) {
      send(lb.back, ...frames.slice(at, at + 20));
      lb.back.flush();
      got.push(...lb.read());
    }
    assert.deepEqual(got, expected);
    const { received, sent } = lb.back.counters;
    assert.deepEqual([received, sent], [expected.length, frames.length]);
    lb.empty();
  });

  test('answers leave by the leg that the request came in by', () => {
    const lb = new Attached(ingress());
    const front = lb.back.addFront('lb front');
    send(front, arpFor(172, 18, 0, 2));
    front.flush();
    const [answer] = lb.read(front);
    assert.equal(answer.slice(12, 24), '0242ac120002');
    assert.equal(answer.slice(44, 56), '0242ac120002');
    send(lb.back, arpFor(10, 0, 0, 4));
    lb.back.flush();
    assert.equal(lb.read()[0]?.slice(44, 56), '02420a000002');
    assert.equal(front.pending, false);
    lb.empty();
  });

  test('reassembles and fragments as recorded', async () => {
    const reference = await replayed('ipvs-7-frag', sandbox());
    const lb = new Attached(sandbox());
    const got: string[] = [];
    for (const { hex } of await framesOf(fixture('services/ipvs-7-frag.pcap'))) {
      // What the recorded balancer sent itself, and the answers to its own ARP requests.
      const isReply = hex.slice(24, 28) === '0806' && hex.slice(40, 44) === '0002';
      if (hex.slice(12, 24) === '02420a000907' || isReply) continue;
      send(lb.back, hex);
      lb.back.flush();
      got.push(...lb.read());
    }
    const fragments = got.filter((hex) => hex.slice(40, 44) !== '0000' && hex.slice(24, 28) === '0800');
    assert.ok(fragments.length >= 4, `${fragments.length} fragments`);
    assert.equal(got.join(), reference.sent.join());
    lb.empty();
  });

  test('a full queue refuses frames, which are counted, and frees their slots', () => {
    const lb = new Attached(sandbox(), { limit: 4 });
    send(lb.back, ...Array<string>(7).fill(arpFor(10, 0, 9, 2)));
    lb.back.flush();
    assert.equal(lb.arena.available, lb.arena.slots - 4);
    assert.equal(lb.read().length, 4);
    const { received, sent, refused, refusedBy } = lb.back.counters;
    assert.deepEqual([received, sent, refused, refusedBy], [4, 7, 3, { FULL_RING: 3 }]);
    lb.empty();
  });

  test('without a free slot, or with a frame longer than one, it refuses and counts', () => {
    const lb = new Attached(sandbox(), {}, 2);
    send(lb.back, ...Array<string>(3).fill(arpFor(10, 0, 9, 2)));
    send(lb.back, '00'.repeat(2001));
    lb.back.flush();
    assert.equal(lb.read().length, 2);
    assert.deepEqual(lb.back.counters.refusedBy, { NOMEM: 1, PKT_TOO_BIG: 1 });
    lb.empty();
  });

  test('more frames than a batch holds, without a flush between them, are all translated', () => {
    const lb = new Attached(sandbox(), { limit: 400 });
    const count = BATCH_CAPACITY + 44;
    send(lb.back, ...Array<string>(count).fill(arpFor(10, 0, 9, 2)));
    lb.back.flush();
    const first = lb.read();
    assert.equal(first.length + lb.read().length, count);
    lb.empty();
  });

  test('what the balancer drops frees its slot, and the balancer has the reason', () => {
    const lb = new Attached(sandbox());
    send(lb.back, arpFor(10, 0, 9, 99));
    lb.back.flush();
    assert.equal(lb.back.pending, false);
    assert.deepEqual(lb.balancer.accounting().dropped, { ARP_IGNORED: 1 });
    lb.empty();
  });

  test("frames are copied into a reader's batch on another arena, as far as it has room", () => {
    const lb = new Attached(sandbox());
    send(lb.back, ...Array<string>(3).fill(arpFor(10, 0, 9, 2)));
    lb.back.flush();
    const other = new PacketBatch(new Arena({ slots: 2, frameBytes: 128, debug: true }));
    assert.equal(lb.read(lb.back, other).length, 2);
    assert.equal(lb.back.pending, true);
    assert.equal(lb.read(lb.back, other).length, 1);
    assert.deepEqual([lb.back.pending, other.arena.holders()], [false, []]);
    lb.empty();
  });

  test('a frame too long for the other arena does not block those after it', () => {
    const lb = new Attached(sandbox());
    // A SYN of 74 bytes between two ARP requests.
    send(lb.back, arpFor(10, 0, 9, 2), ipvsFrames()[0], arpFor(10, 0, 9, 2));
    lb.back.flush();
    const other = new PacketBatch(new Arena({ slots: 8, frameBytes: 70 }));
    assert.equal(lb.read(lb.back, other).length, 2);
    assert.deepEqual([lb.back.pending, lb.back.counters.refusedBy], [false, { PKT_TOO_BIG: 1 }]);
    lb.empty();
  });

  test('after close, it holds nothing and refuses what is sent', () => {
    const lb = new Attached(sandbox());
    send(lb.back, arpFor(10, 0, 9, 2));
    lb.back.flush();
    send(lb.back, arpFor(10, 0, 9, 2));
    lb.back.close();
    lb.back.close();
    lb.empty();
    send(lb.back, arpFor(10, 0, 9, 2));
    lb.back.flush();
    assert.deepEqual([lb.back.pending, lb.back.counters.refusedBy], [false, { DEV_READY: 3 }]);
  });
});

const CLIENT = '02420a000903';
const BALANCER = '02420a000907';

/** The network of the recordings with a load balancer on n1, and c2 on n2 as the only backend. */
function topology(): Topology {
  const plain = topologyOf();
  const balancer = { kind: EndpointKind.Balancer, name: 'net-endpoint', network: 0, node: 0 };
  const mac = Uint8Array.from(Buffer.from(BALANCER, 'hex'));
  return { ...plain, endpoints: [...plain.endpoints, { ...balancer, ip: Uint8Array.of(10, 0, 9, 7), mac }] };
}

/** A task's answer to a segment: addresses and ports swapped, which keeps the checksums. */
function answerTo(segment: string): Buffer {
  const answer = Buffer.from(segment, 'hex');
  for (const [at, to, size] of [
    [0, 6, 6],
    [26, 30, 4],
    [34, 36, 2],
  ]) {
    const first = Buffer.from(answer.subarray(at, at + size));
    answer.copy(answer, at, to, to + size);
    first.copy(answer, to);
  }
  return answer;
}

describe('a load balancer on a node', () => {
  test("a client's segment to the virtual IP crosses the wire to the task on the other node, and the answer returns", () => {
    const wire = new MemoryWire();
    const n1 = new Running(topology(), 'n1', wire);
    const n2 = new Running(topology(), 'n2', wire);
    const balancer = new LoadBalancer({ back: { address: '10.0.9.7' } });
    const web = balancer.addService({ name: 'my-web', vip: '10.0.9.2' });
    balancer.addBackend(web, { address: '10.0.9.4' });
    n1.node.attach('net-endpoint', new BalancerPort({ name: 'lb', balancer, arena: n1.arena, clock: () => 1 }));
    const [before_hex] = ipvsFrames();
    // From c1 rather than the recorded client.
    const segment = Buffer.from(before_hex, 'hex');
    segment.set(Buffer.from(CLIENT, 'hex'), 6);
    n1.port('c1').outgoing.push(segment);
    settle(n1, n2);
    const [arrived, ...more] = n2.port('c2').given;
    assert.equal(more.length, 0);
    assert.equal(arrived.slice(0, 24), `02420a000904${BALANCER}`);
    assert.equal(arrived.slice(52, 68), '0a0009070a000904');
    const answer = answerTo(arrived);
    n2.port('c2').outgoing.push(answer);
    settle(n1, n2);
    const [returned] = n1.port('c1').given;
    assert.equal(returned.slice(0, 24), `${CLIENT}${BALANCER}`);
    assert.equal(returned.slice(52, 60), '0a000902');
    n1.node.close();
    n1.balanced();
    n2.balanced();
  });

  test('frames of several busy ports at once all pass: its queue is emptied as fast as they fill it', () => {
    const wire = new MemoryWire();
    const n1 = new Running(topology(), 'n1', wire);
    const n2 = new Running(topology(), 'n2', wire);
    const balancer = new LoadBalancer({ back: { address: '10.0.9.7' } });
    const web = balancer.addService({ name: 'my-web', vip: '10.0.9.2' });
    balancer.addBackend(web, { address: '10.0.9.4' });
    const port = new BalancerPort({ name: 'lb', balancer, arena: n1.arena, clock: () => 1 });
    n1.node.attach('net-endpoint', port);
    const segment = Buffer.from(ipvsFrames()[0], 'hex');
    segment.set(Buffer.from(CLIENT, 'hex'), 6);
    n1.port('c1').outgoing.push(segment);
    settle(n1, n2);
    const answer = answerTo(n2.port('c2').given[0]);
    const count = 8 * BATCH_CAPACITY;
    n2.port('c2').outgoing.push(...Array<Uint8Array>(count).fill(answer));
    settle(n2);
    n1.port('c1').outgoing.push(...Array<Uint8Array>(count).fill(segment));
    settle(n1, n2);
    assert.equal(port.counters.refused, 0);
    assert.equal(n1.port('c1').given.length, count);
    assert.equal(n2.port('c2').given.length, 1 + count);
    n1.node.close();
    n1.balanced();
    n2.balanced();
  });
});
