/** The balancer against recordings of IPVS and netfilter: every frame, byte for byte. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BalanceDrop, LoadBalancer, type LoadBalancerOptions } from '../../../src/service/index.js';
import { type Pair, pairsOf, put, replayed, type Replayed, shortsOf, vectors } from './recording.js';

const VIP = '10.0.9.2';
const B1 = '10.0.9.3';
const B2 = '10.0.9.4';
const B3 = '10.0.9.5';

/** The balancer of the recordings, with its backends added in an order. */
function balancerOf(
  backends: readonly string[],
  options: Partial<LoadBalancerOptions> = {},
  forwarding: 'masquerade' | 'direct' = 'masquerade',
): { balancer: LoadBalancer; web: number } {
  const balancer = new LoadBalancer({ back: { address: '10.0.9.7' }, random: shortsOf(), ...options });
  const web = balancer.addService({ name: 'my-web', vip: VIP, forwarding });
  for (const address of backends) balancer.addBackend(web, { address });
  return { balancer, web };
}

const ALL = [B1, B2, B3];

/** Another client's datagrams, which move the scheduler's pointer on. */
function skip(balancer: LoadBalancer, connections: number, port = 60_000): void {
  const frame = Buffer.from('02420a00090702420a0009630800', 'hex');
  for (let i = 0; i < connections; i++) {
    const packet = Buffer.from('4500001c000000004011000000000000000000000000000000080000', 'hex');
    packet.set([10, 0, 9, 0x63, 10, 0, 9, 2, (port + i) >>> 8, (port + i) & 0xff, 0, 53], 12);
    let sum = 0;
    for (let at = 0; at < 20; at += 2) sum += packet.readUInt16BE(at);
    packet.writeUInt16BE(~((sum & 0xffff) + (sum >>> 16)) & 0xffff, 10);
    assert.equal((put(balancer, Buffer.concat([frame, packet]), 0) as string[]).length, 1);
  }
}

/** Every frame that the recorded balancer sent comes out, and no other; and the vectors' pairs, whose number it returns. */
function check(result: Replayed, pairs: readonly Pair[]): number {
  assert.deepEqual([...result.sent].sort(), [...result.recorded].sort());
  const left = [...result.sent];
  for (const { before_packet, after_hex } of pairs) {
    const at = left.indexOf(after_hex);
    assert.ok(at >= 0, `packet ${before_packet} doesn't come out translated`);
    left.splice(at, 1);
    const own = result.outputs.get(before_packet);
    // Fragments come out with the last.
    if (own?.length === 1) assert.equal(own[0], after_hex);
  }
  return pairs.length;
}

function checkAccounting(balancer: LoadBalancer): void {
  const { received, made, sent, dropped, held } = balancer.accounting();
  const drops = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  assert.equal(received + made, sent + drops + held);
}

describe("Docker's LB sandbox", () => {
  test('160 frames of a VIP come out as recorded in both directions, with the backends in the recorded order', () => {
    // The node learned the tasks in this order.
    const { balancer } = balancerOf([B2, B3, B1]);
    const pairs = vectors('nat-vip').sets?.flatMap(({ pairs }) => pairs) ?? [];
    pairs.sort((a, b) => a.before_packet - b.before_packet);
    assert.equal(pairs.length, 160);
    for (const { before_packet, before_hex, after_hex } of pairs) {
      assert.deepEqual(put(balancer, Buffer.from(before_hex, 'hex'), before_packet / 10), [after_hex]);
    }
    const [{ backends, packetsIn, packetsOut, opened }] = balancer.counts();
    assert.deepEqual([packetsIn, packetsOut, opened], [80, 80, 7]);
    assert.deepEqual(
      backends.map((counts) => [counts.address, counts.opened, counts.packetsIn]),
      [
        [B1, 3, 35],
        [B3, 2, 22],
        [B2, 2, 23],
      ],
    );
    checkAccounting(balancer);
  });
});

describe('IPVS 6.1', () => {
  /** Recordings whose backends take part as they are: name, connections made before, pairs. */
  const plain: readonly (readonly [string, number, number])[] = [
    ['ipvs-1-rr-udp', 0, 18],
    ['ipvs-1b-rr-tcp', 0, 0],
    ['ipvs-5-reuse', 1, 40],
    ['ipvs-6-icmp-portunreach', 2, 2],
    ['ipvs-6b-rst', 1, 2],
    ['ipvs-6c-icmp-tcp', 0, 2],
    ['ipvs-6d-fragneeded', 2, 16],
    ['ipvs-10-hairpin', 2, 6],
  ];
  for (const [name, before, count] of plain) {
    test(`${name} comes out as recorded`, async () => {
      const { balancer } = balancerOf(ALL);
      skip(balancer, before);
      const result = await replayed(name, balancer);
      const pairs = count === 0 ? [] : pairsOf('nat-ipvs', `${name}.pcap`);
      assert.equal(check(result, pairs), count);
      assert.equal(result.sent.length, result.arrived);
      checkAccounting(balancer);
    });
  }

  test('a backend of weight 0 gets no new connections, and keeps its own (57 pairs)', async () => {
    const { balancer, web } = balancerOf(ALL);
    // UDP flows of the first recording, a few seconds earlier, go on here.
    await replayed('ipvs-1-rr-udp', balancer);
    const before = new Map([[61, () => balancer.setWeight(web, B2, 0)]]);
    const result = await replayed('ipvs-2-weight0', balancer, before);
    assert.equal(check(result, pairsOf('nat-ipvs', 'ipvs-2-weight0.pcap')), 57);
  });

  for (const [name, id, backends] of [
    ['ipvs-3-all-zero', 41_428, ALL],
    ['ipvs-3b-none', 41_479, []],
  ] as const) {
    test(`${name}: without a backend, a new flow gets "port unreachable" from the VIP`, async () => {
      const ids = name === 'ipvs-3b-none' ? [id, id + 2] : [id, id + 1];
      const { balancer, web } = balancerOf(backends, { random: shortsOf(...ids) });
      for (const address of backends) balancer.setWeight(web, address, 0);
      const result = await replayed(name, balancer);
      assert.equal(check(result, []), 0);
      assert.equal(balancer.counts()[0].refused, 2);
    });
  }

  test('the first packet after its backend is removed is dropped, and the next is reset', async () => {
    const { balancer, web } = balancerOf(ALL);
    const result = await replayed('ipvs-4-del', balancer, new Map([[43, () => balancer.removeBackend(web, B2)]]));
    check(result, []);
    assert.deepEqual([...result.drops.values()], [BalanceDrop.BackendRemoved]);
    checkAccounting(balancer);
  });

  test('fragments leave as they came, with the datagram translated once (12 pairs)', async () => {
    const { balancer } = balancerOf(ALL);
    skip(balancer, 1);
    const result = await replayed('ipvs-7-frag', balancer, new Map([[13, () => skip(balancer, 1, 50_000)]]));
    assert.equal(check(result, pairsOf('nat-ipvs', 'ipvs-7-frag.pcap')), 12);
    const { received, sent, made, held } = balancer.accounting();
    // And the two datagrams of the other client.
    assert.deepEqual([received, sent, made, held], [14, 14, 0, 0]);
  });

  test('ping to the VIP is answered by the balancer', async () => {
    const { balancer } = balancerOf(ALL, { random: shortsOf(45_906) });
    const result = await replayed('ipvs-8-ping', balancer);
    check(result, []);
    assert.equal(result.sent.length, result.arrived);
  });

  test('a source port that is taken is replaced by one of its class, from a random start (24 pairs)', async () => {
    // The offsets that lead to the recorded ports: within 1024..65535, 600..1023 or 1..511.
    const offsets = [4634 - 1024, 26_930 - 1024, 885 - 600, 989 - 600, 350 - 1, 50_491 - 1024];
    const { balancer } = balancerOf([B1], { random: shortsOf(...offsets) });
    const result = await replayed('ipvs-9-clash', balancer);
    assert.equal(check(result, pairsOf('nat-ipvs', 'ipvs-9-clash.pcap')), 24);
    assert.deepEqual(balancer.ports, { remapped: 6, exhausted: 0 });
  });

  test('a TTL of 1 gets "time exceeded" from the VIP', async () => {
    const { balancer } = balancerOf(ALL, { random: shortsOf(48_115) });
    check(await replayed('ipvs-11-ttl1', balancer), []);
  });

  test('segments without a connection are reset, except for resets; a SYN ACK opens one without source NAT', async () => {
    const { balancer } = balancerOf(ALL);
    const result = await replayed('ipvs-12-nonsyn', balancer);
    check(result, []);
    assert.deepEqual([...result.drops.values()], [BalanceDrop.NoSocket, BalanceDrop.ArpIgnored]);
    checkAccounting(balancer);
  });

  test('direct routing changes only MACs and TTL (7 pairs)', async () => {
    const { balancer } = balancerOf(ALL, {}, 'direct');
    const result = await replayed('ipvs-13-dsr', balancer);
    assert.equal(check(result, pairsOf('nat-ipvs', 'ipvs-13-dsr.pcap')), 7);
    checkAccounting(balancer);
  });
});

test('nf_nat of kernel 6.18 on both sides: 14 pairs, with the quoted checksums corrected', async () => {
  const { balancer } = balancerOf([B1, B2], { quotedChecksum: 'correct', mtu: 1500 });
  const result = await replayed('nat-nft-kernel', balancer);
  assert.equal(check(result, vectors('nat-nft-kernel').pairs ?? []), 14);
  checkAccounting(balancer);
});
