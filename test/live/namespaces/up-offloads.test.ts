/**
 * `vtep up` beside the kernel's vxlan driver over a link as it comes, with offloads: sockets then get packets of 64 KiB
 * with partial checksums.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { scratch } from '../../cli/run.js';
import { CONTAINER_DEVICE, dockerMac, KernelVtep, VNI } from './kernel-vtep.js';
import { linkCounters } from './link-counters.js';
import { NamespaceBench } from './namespace-bench.js';
import { type NetworkNamespace } from './network-namespace.js';
import { assertPingsBothWays } from './pings-both-ways.js';
import { requirements } from './requirements.js';
import { tcpTransfer } from './tcp-transfer.js';
import { underlay, UNDERLAY_DEVICE, type UnderlayNode } from './underlay.js';
import { UpNode } from './up-node.js';

const IPS = { 4: ['10.0.9.3', '10.0.9.4'], 6: ['fd00:9::3', 'fd00:9::4'] } as const;
const MEGABYTE = 1_000_000;
const PORT = 7001;
/** Datagrams of one sendto with UDP_SEGMENT, and their length. */
const SIZE = 1000;
const DATAGRAMS = 20;
const ROUNDS = 10;

/** Sends random datagrams with UDP_SEGMENT, then an empty one, and prints their digest. */
const SENDER = `
import hashlib, os, socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(17, 103, ${SIZE})
h = hashlib.sha256()
for i in range(${ROUNDS}):
    data = os.urandom(${SIZE * DATAGRAMS - SIZE / 2})
    h.update(data)
    s.sendto(data, (sys.argv[1], ${PORT}))
s.setsockopt(17, 103, 0)
s.sendto(b'', (sys.argv[1], ${PORT}))
print(h.hexdigest())
`;

/** Receives datagrams until an empty one; prints how many of which length came, and their digest. */
const RECEIVER = `
import collections, hashlib, socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(1, 33, 1 << 22)
s.settimeout(30)
s.bind((sys.argv[1], ${PORT}))
print('bound', file=sys.stderr, flush=True)
h = hashlib.sha256()
lengths = collections.Counter()
while True:
    data = s.recv(70000)
    if not data: break
    lengths[len(data)] += 1
    h.update(data)
print(lengths[${SIZE}], lengths[${SIZE / 2}], sum(lengths.values()), h.hexdigest())
`;

interface Pair {
  readonly n2: UnderlayNode;
  readonly c1: NetworkNamespace;
  readonly c2: NetworkNamespace;
  readonly up: UpNode;
}

const skip = requirements();
const folder = scratch();

function configFile(outside: 4 | 6, [ip1, ip2]: readonly [string, string], c2: NetworkNamespace): string {
  const [vtep1, vtep2] = outside === 4 ? ['192.168.50.1', '192.168.50.2'] : ['fd50::1', 'fd50::2'];
  const path = join(folder, `config-${outside}.json`);
  const config = {
    nodes: { node1: { vtep: vtep1 }, node2: { vtep: vtep2 } },
    networks: { net: { vni: VNI, subnet: ['10.0.9.0/24', 'fd00:9::/64'], gateway: '10.0.9.1' } },
    endpoints: {
      c1: { network: 'net', node: 'node1', ip: ip1, mac: dockerMac(IPS[4][0]) },
      c2: {
        network: 'net',
        node: 'node2',
        ip: ip2,
        mac: dockerMac(IPS[4][1]),
        device: CONTAINER_DEVICE,
        netns: c2.name,
      },
    },
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

for (const family of [4, 6] as const) {
  describe(`vtep up beside the kernel over a link with offloads, IPv${family} in IPv${family}`, { skip }, () => {
    const [ip1, ip2] = IPS[family];
    let bench: NamespaceBench | undefined;
    let pair: Pair | undefined;
    const get = (): Pair => {
      assert.ok(pair);
      return pair;
    };

    before(async () => {
      bench = new NamespaceBench();
      const [n1, n2] = underlay(bench);
      const k1 = new KernelVtep(bench, n1.namespace, 'o1', { family, mtu: family === 4 ? 1450 : 1430 });
      k1.add({ ip: ip2, mac: dockerMac(IPS[4][1]), vtep: family === 4 ? n2.ipv4 : n2.ipv6 });
      const c1 = k1.attach('c1', IPS[4][0], family === 4 ? {} : { ipv6: ip1 });
      const c2 = bench.namespace('c2');
      if (family === 6) c2.write('/proc/sys/net/ipv6/conf/default/disable_ipv6', '0');
      const up = new UpNode(n2.namespace, { config: configFile(family, [ip1, ip2], c2), node: 'node2' });
      await up.start();
      pair = { n2, c1, c2, up };
    });
    after(() => bench?.close());

    test('pings are answered, both ways', async () => {
      const { c1, c2 } = get();
      await assertPingsBothWays({ container: c1, ip: ip1 }, { container: c2, ip: ip2 }, [1350]);
    });

    test('TCP streams arrive unchanged, in packets larger than the link’s MTU', async () => {
      const { n2, c1, c2 } = get();
      const bytes = 10 * MEGABYTE;
      const before = linkCounters(n2.namespace, UNDERLAY_DEVICE).received.packets;
      const { sent, received } = await tcpTransfer(c2, c1, { address: ip2, bytes });
      assert.deepEqual([received, sent.bytes], [sent, bytes]);
      const packets = linkCounters(n2.namespace, UNDERLAY_DEVICE).received.packets - before;
      assert.ok(packets < bytes / 1500 / 2, `${packets} packets`);
      const back = await tcpTransfer(c1, c2, { address: ip1, bytes: MEGABYTE });
      assert.deepEqual(back.received, back.sent);
    });

    test('datagrams that a container sends with UDP_SEGMENT arrive one by one', async () => {
      const { c1, c2 } = get();
      const receiver = c2.start(['python3', '-c', RECEIVER, ip2]);
      await receiver.line('stderr', /bound/);
      const digest = c1.call(['python3', '-c', SENDER, ip2]).trim();
      const { stdout } = await receiver.end();
      assert.equal(stdout.trim(), `${ROUNDS * (DATAGRAMS - 1)} ${ROUNDS} ${ROUNDS * DATAGRAMS} ${digest}`);
    });

    test('its final report balances, without loss', async () => {
      const { ingress, egress, underlay: wire, endpoints } = await get().up.stop();
      assert.deepEqual([ingress.balanced, egress.balanced, ingress.dropped], [true, true, {}]);
      assert.deepEqual([wire.overrun, wire.refused, endpoints['c2'].refused], [0, {}, 0]);
    });
  });
}
