import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  ALL_PORTS,
  GatewayPortKind,
  GatewaySwitch,
  type GatewaySwitchOptions,
  MAX_GATEWAY_PORTS,
  NO_PORT,
} from '../../../src/service/index.js';
import { macOfIpv4, parseIpv4 } from '../../../src/wire/index.js';
import { arpFrame, BROADCAST_MAC, ipv4Frame, otherFrame } from './frames.js';

const HOST = '172.18.0.1';
const SANDBOX = '172.18.0.2';
const WEB = '172.18.0.3';
const DB = '172.18.0.4';
const OUTSIDE = '192.0.2.7';
const FIRST_PORTS = { [HOST]: 0, [SANDBOX]: 1, [WEB]: 2, [DB]: 3 } as const;
type Name = keyof typeof FIRST_PORTS;

/** A switch with a host, the load balancer and two containers. */
class Bench {
  readonly gateway: GatewaySwitch;

  constructor(options: GatewaySwitchOptions = {}) {
    this.gateway = new GatewaySwitch(options);
    const kinds = [
      GatewayPortKind.Host,
      GatewayPortKind.Balancer,
      GatewayPortKind.Container,
      GatewayPortKind.Container,
    ];
    Object.keys(FIRST_PORTS).forEach((text, i) => {
      const address = parseIpv4(text);
      assert.equal(this.gateway.add({ kind: kinds[i], mac: macOfIpv4(address), address }), i);
    });
  }

  /** Where a frame goes: the address of the port's owner, `all`, or the reason of its drop. */
  put(bytes: Uint8Array, from: Name): string {
    const before = this.gateway.counts.dropped;
    const port = this.gateway.forward(bytes, 0, bytes.length, FIRST_PORTS[from]);
    const { in: came, out, dropped } = this.gateway.counts;
    assert.equal(came, out + Object.values(dropped).reduce((sum, frames) => sum + frames, 0));
    if (port === ALL_PORTS) return 'all';
    if (port !== NO_PORT) return Object.keys(FIRST_PORTS)[port];
    return Object.keys(dropped).find((reason) => dropped[reason] !== (before[reason] ?? 0)) ?? 'nothing';
  }
}

describe('the switch of a gateway network', () => {
  for (const icc of [false, true]) {
    describe(icc ? 'with icc' : 'without icc', () => {
      const unless = (to: string): string => (icc ? to : 'NETFILTER_DROP');
      for (const [from, to, result] of [
        [WEB, HOST, HOST],
        [HOST, WEB, WEB],
        [SANDBOX, HOST, HOST],
        [HOST, SANDBOX, SANDBOX],
        [WEB, DB, unless(DB)],
        [WEB, SANDBOX, unless(SANDBOX)],
        [SANDBOX, WEB, unless(WEB)],
      ] as const) {
        test(`IPv4 from ${from} to ${to}: ${result}`, () => {
          assert.equal(new Bench({ icc }).put(ipv4Frame({ from, to }), from), result);
        });
        test(`IPv6 from ${from} to ${to}: ${result}`, () => {
          assert.equal(new Bench({ icc }).put(otherFrame({ from, to }, 0x86dd), from), result);
        });
      }

      test('a packet to the outside goes to the host, and one from there to its container', () => {
        const bench = new Bench({ icc });
        const out = ipv4Frame({ from: WEB, to: OUTSIDE, destinationMac: macOfIpv4(parseIpv4(HOST)) });
        assert.equal(bench.put(out, WEB), HOST);
        const back = ipv4Frame({ from: OUTSIDE, to: WEB, sourceMac: macOfIpv4(parseIpv4(HOST)) });
        assert.equal(bench.put(back, HOST), WEB);
      });

      test(`group frames go to ${icc ? 'all' : 'the host only'}`, () => {
        const bench = new Bench({ icc });
        const frame = (from: Name): Uint8Array => ipv4Frame({ from, to: '224.0.0.1', destinationMac: BROADCAST_MAC });
        assert.equal(bench.put(frame(WEB), WEB), icc ? 'all' : HOST);
        assert.equal(bench.put(frame(HOST), HOST), icc ? 'all' : 'NO_TX_TARGET');
      });

      test('ARP requests reach the owner of the address alone, also between containers', () => {
        const bench = new Bench({ icc });
        for (const [from, to] of [
          [WEB, HOST],
          [HOST, WEB],
          [WEB, DB],
          [HOST, SANDBOX],
          [WEB, SANDBOX],
        ] as const) {
          assert.equal(bench.put(arpFrame({ from, to }), from), to);
          assert.equal(bench.put(arpFrame({ from: to, to: from, operation: 2 }), to), from);
        }
        // The kernel confirms an entry that it has with a unicast request.
        const again = arpFrame({ from: WEB, to: HOST, destinationMac: macOfIpv4(parseIpv4(HOST)) });
        assert.equal(bench.put(again, WEB), HOST);
      });
    });
  }

  test('ARP for an address that no port has, announcements and broadcast replies go nowhere', () => {
    const bench = new Bench();
    assert.equal(bench.put(arpFrame({ from: WEB, to: '172.18.9.9' }), WEB), 'NEIGH_UNKNOWN');
    assert.equal(bench.put(arpFrame({ from: WEB, to: WEB }), WEB), 'ARP_IGNORED');
    const reply = arpFrame({ from: WEB, to: HOST, operation: 2, destinationMac: BROADCAST_MAC });
    assert.equal(bench.put(reply, WEB), 'ARP_IGNORED');
    assert.equal(bench.put(otherFrame({ from: WEB, to: HOST }, 0x0806), WEB), 'ARP_IGNORED');
    assert.equal(bench.put(otherFrame({ from: WEB, to: HOST }, 0x0806, 20), WEB), 'PKT_TOO_SMALL');
  });

  test('a source MAC that is not the port’s is dropped', () => {
    const bench = new Bench({ icc: true });
    const spoofed = ipv4Frame({ from: WEB, to: DB, sourceMac: macOfIpv4(parseIpv4(HOST)) });
    assert.equal(bench.put(spoofed, WEB), 'MAC_INVALID_SOURCE');
    assert.equal(bench.put(ipv4Frame({ from: WEB, to: HOST }), DB), 'MAC_INVALID_SOURCE');
  });

  test('unknown and own destinations, other protocols and runts are dropped', () => {
    const bench = new Bench({ icc: true });
    assert.equal(bench.put(ipv4Frame({ from: WEB, to: '172.18.0.9' }), WEB), 'NO_TX_TARGET');
    assert.equal(bench.put(ipv4Frame({ from: WEB, to: WEB }), WEB), 'NO_TX_TARGET');
    assert.equal(bench.put(otherFrame({ from: WEB, to: HOST }, 0x8100), WEB), 'UNHANDLED_PROTO');
    assert.equal(bench.put(new Uint8Array(13), WEB), 'PKT_TOO_SMALL');
  });

  test('as in Docker a container may send from any address; where addresses are checked, from its own only', () => {
    const frame = ipv4Frame({ from: WEB, to: HOST, source: '10.0.9.3' });
    assert.equal(new Bench().put(frame, WEB), HOST);
    const strict = new Bench({ checkAddresses: true, icc: true });
    assert.equal(strict.put(frame, WEB), 'IP_INVALID_SOURCE');
    assert.equal(strict.put(ipv4Frame({ from: WEB, to: HOST }), WEB), HOST);
    assert.equal(strict.put(otherFrame({ from: WEB, to: HOST }, 0x86dd), WEB), 'IP_INVALID_SOURCE');
    // ARP that claims the gateway's address for the container.
    assert.equal(strict.put(arpFrame({ from: WEB, to: DB, source: HOST }), WEB), 'IP_INVALID_SOURCE');
    assert.equal(strict.put(arpFrame({ from: WEB, to: DB, source: '0.0.0.0' }), WEB), DB);
    assert.equal(strict.put(arpFrame({ from: WEB, to: DB }), WEB), DB);
    // The host forwards for everybody.
    const routed = ipv4Frame({ from: OUTSIDE, to: WEB, sourceMac: macOfIpv4(parseIpv4(HOST)) });
    assert.equal(strict.put(routed, HOST), WEB);
  });

  test('127.0.0.0/8 stays out of the host, whose kernel would take it', () => {
    const bench = new Bench();
    const destinationMac = macOfIpv4(parseIpv4(HOST));
    for (const frame of [
      ipv4Frame({ from: WEB, to: '127.0.0.1', destinationMac }),
      ipv4Frame({ from: WEB, to: '127.255.255.255', destinationMac }),
      ipv4Frame({ from: WEB, to: HOST, source: '127.0.0.1' }),
    ]) {
      assert.equal(bench.put(frame, WEB), 'IP_LOCALNET');
    }
    assert.equal(bench.put(ipv4Frame({ from: WEB, to: '128.0.0.1', destinationMac }), WEB), HOST);
    assert.equal(bench.put(ipv4Frame({ from: WEB, to: HOST }).subarray(0, 33), WEB), 'PKT_TOO_SMALL');
  });

  describe('a published port without icc', () => {
    const published = (): Bench => {
      const bench = new Bench();
      bench.gateway.publish([
        { protocol: 'tcp', port: 8080 },
        { protocol: 'udp', port: 53 },
        { protocol: 'sctp', port: 65_535 },
      ]);
      return bench;
    };
    const both = (port: number, protocol: number): string[] => {
      const bench = published();
      return [
        bench.put(ipv4Frame({ from: WEB, to: SANDBOX, port, protocol }), WEB),
        bench.put(ipv4Frame({ from: SANDBOX, to: WEB, sourcePort: port, port: 40_000, protocol }), SANDBOX),
      ];
    };

    test('leads from a container to the load balancer and back', () => {
      assert.deepEqual(both(8080, 6), [SANDBOX, WEB]);
      assert.deepEqual(both(53, 17), [SANDBOX, WEB]);
      assert.deepEqual(both(65_535, 132), [SANDBOX, WEB]);
    });

    test('is of its protocol alone', () => {
      for (const [port, protocol] of [
        [8080, 17],
        [53, 6],
        [8081, 6],
        [8080, 1],
      ]) {
        assert.deepEqual(both(port, protocol), ['NETFILTER_DROP', 'NETFILTER_DROP']);
      }
    });

    test('opens nothing else: other containers, the other direction, later fragments, a truncated header', () => {
      const bench = published();
      assert.equal(bench.put(ipv4Frame({ from: WEB, to: DB, port: 8080 }), WEB), 'NETFILTER_DROP');
      assert.equal(bench.put(ipv4Frame({ from: SANDBOX, to: WEB, port: 8080 }), SANDBOX), 'NETFILTER_DROP');
      const fragment = ipv4Frame({ from: WEB, to: SANDBOX, port: 8080, fragmentOffset: 1 });
      assert.equal(bench.put(fragment, WEB), 'NETFILTER_DROP');
      const frame = ipv4Frame({ from: WEB, to: SANDBOX, port: 8080 });
      assert.equal(bench.put(frame.subarray(0, 36), WEB), 'NETFILTER_DROP');
    });

    test('can be withdrawn', () => {
      const bench = published();
      bench.gateway.publish([]);
      assert.equal(bench.put(ipv4Frame({ from: WEB, to: SANDBOX, port: 8080 }), WEB), 'NETFILTER_DROP');
    });
  });

  test('a removed port gets no frames, and its MAC and address can be used again', () => {
    const bench = new Bench({ icc: true });
    bench.gateway.remove(FIRST_PORTS[DB]);
    assert.equal(bench.put(ipv4Frame({ from: WEB, to: DB }), WEB), 'NO_TX_TARGET');
    assert.equal(bench.put(arpFrame({ from: WEB, to: DB }), WEB), 'NEIGH_UNKNOWN');
    const address = parseIpv4(DB);
    const index = bench.gateway.add({ kind: GatewayPortKind.Container, mac: macOfIpv4(address), address });
    assert.equal(index, FIRST_PORTS[DB]);
    assert.equal(bench.put(ipv4Frame({ from: WEB, to: DB }), WEB), DB);
    assert.throws(() => bench.gateway.remove(77), { code: 'BAD_GATEWAY' });
  });

  test('MACs and addresses are unique, there is one host, and the number of ports is bounded', () => {
    const { gateway } = new Bench();
    const mac = macOfIpv4(parseIpv4('172.18.0.9'));
    const kind = GatewayPortKind.Container;
    assert.throws(() => gateway.add({ kind, mac, address: parseIpv4(WEB) }), { code: 'PORT_EXISTS' });
    const address = parseIpv4('172.18.0.9');
    assert.throws(() => gateway.add({ kind, mac: macOfIpv4(parseIpv4(WEB)), address }), { code: 'PORT_EXISTS' });
    assert.throws(() => gateway.add({ kind: GatewayPortKind.Host, mac, address }), { code: 'BAD_GATEWAY' });
    assert.throws(() => gateway.add({ kind, mac: BROADCAST_MAC, address }), { code: 'BAD_GATEWAY' });
    const next = (i: number): Uint8Array => Uint8Array.of(172, 18, 1 + (i >>> 8), i);
    for (let i = 4; i < MAX_GATEWAY_PORTS; i++) {
      assert.equal(gateway.add({ kind, mac: macOfIpv4(next(i)), address: next(i) }), i);
    }
    assert.throws(() => gateway.add({ kind, mac, address }), { code: 'GATEWAY_FULL' });
    gateway.remove(100);
    assert.equal(gateway.add({ kind, mac, address }), 100);
  });

  test('survives any bytes, and every frame is counted', () => {
    const own = macOfIpv4(parseIpv4(WEB));
    const bench = new Bench({ checkAddresses: true });
    bench.gateway.publish([{ protocol: 'tcp', port: 80 }]);
    const types = fc.constantFrom([8, 0], [8, 6], [0x86, 0xdd]);
    const targets = fc.constantFrom(HOST, SANDBOX, DB);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), targets, types, fc.boolean(), (rest, target, type, isWhole) => {
        const frame = Uint8Array.from([...macOfIpv4(parseIpv4(target)), ...own, ...type, ...rest]);
        bench.put(isWhole ? frame : rest, WEB);
      }),
    );
  });
});
