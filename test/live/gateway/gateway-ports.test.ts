import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayPorts } from '../../../src/live/gateway/gateway-ports.js';
import { Arena } from '../../../src/memory/index.js';
import { GatewayPortKind, type GatewaySwitchOptions } from '../../../src/service/index.js';
import { macOfIpv4, parseIpv4 } from '../../../src/wire/index.js';
import { arpFrame, BROADCAST_MAC, ipv4Frame } from '../../service/gateway/frames.js';
import { ListPort } from '../memory-underlay.js';

const HOST = '172.18.0.1';
const SANDBOX = '172.18.0.2';
const WEB = '172.18.0.3';
const DB = '172.18.0.4';

/** A gateway with ports that are lists. */
class Bench {
  readonly arena = new Arena({ slots: 300, frameBytes: 1600, debug: true });
  readonly gateway: GatewayPorts;
  readonly ports = new Map<string, { readonly port: ListPort; readonly index: number }>();

  constructor(options: GatewaySwitchOptions = {}) {
    this.gateway = new GatewayPorts(this.arena, options);
    this.add(HOST, GatewayPortKind.Host);
    this.add(SANDBOX, GatewayPortKind.Balancer);
    this.add(WEB, GatewayPortKind.Container);
    this.add(DB, GatewayPortKind.Container);
  }

  add(text: string, kind: GatewayPortKind): void {
    const address = parseIpv4(text);
    const port = new ListPort();
    const index = this.gateway.attach(port, { kind, mac: macOfIpv4(address), address });
    this.ports.set(text, { port, index });
  }

  port(text: string): ListPort {
    const found = this.ports.get(text);
    assert.ok(found);
    return found.port;
  }

  /** Moves all frames; every slot is free again, and the sums add up. */
  settle(): void {
    while (this.gateway.turn(() => false) > 0);
    assert.deepEqual(this.arena.holders(), []);
    const { in: came, made, out, dropped } = this.gateway.counters;
    assert.equal(came + made, out + Object.values(dropped).reduce((sum, frames) => sum + frames, 0));
  }
}

function hex(frame: Uint8Array): string {
  return Buffer.from(frame).toString('hex');
}

describe('the ports of a gateway network', () => {
  test('each frame arrives unchanged at the port of its MAC, in order', () => {
    const bench = new Bench();
    const frames = Array.from({ length: 700 }, (_, i) => ipv4Frame({ from: WEB, to: HOST, port: i }));
    bench.port(WEB).outgoing.push(...frames);
    const answers = frames.map((_, i) => ipv4Frame({ from: HOST, to: i % 2 === 0 ? WEB : DB, port: i }));
    bench.port(HOST).outgoing.push(...answers);
    bench.settle();
    assert.deepEqual(bench.port(HOST).given, frames.map(hex));
    assert.deepEqual(bench.port(WEB).given, answers.filter((_, i) => i % 2 === 0).map(hex));
    assert.deepEqual(bench.port(DB).given, answers.filter((_, i) => i % 2 === 1).map(hex));
    assert.deepEqual(bench.gateway.counters, { in: 1400, made: 0, out: 1400, dropped: {} });
  });

  test('the load balancer is a port like the others', () => {
    const bench = new Bench();
    bench.port(HOST).outgoing.push(ipv4Frame({ from: HOST, to: SANDBOX, port: 8080 }));
    bench.port(SANDBOX).outgoing.push(arpFrame({ from: SANDBOX, to: HOST }));
    bench.settle();
    assert.deepEqual(bench.port(SANDBOX).given, [hex(ipv4Frame({ from: HOST, to: SANDBOX, port: 8080 }))]);
    assert.deepEqual(bench.port(HOST).given, [hex(arpFrame({ from: SANDBOX, to: HOST }))]);
  });

  test('with icc a broadcast arrives unchanged at every other port but the load balancer', () => {
    const bench = new Bench({ icc: true });
    const frame = ipv4Frame({ from: WEB, to: '172.18.255.255', destinationMac: BROADCAST_MAC });
    bench.port(WEB).outgoing.push(frame, frame);
    bench.settle();
    for (const to of [HOST, DB]) assert.deepEqual(bench.port(to).given, [hex(frame), hex(frame)], to);
    for (const to of [WEB, SANDBOX]) assert.deepEqual(bench.port(to).given, [], to);
    assert.deepEqual(bench.gateway.counters, { in: 2, made: 2, out: 4, dropped: {} });
  });

  test('a broadcast without another port is dropped and counted', () => {
    const bench = new Bench({ icc: true });
    for (const address of [HOST, SANDBOX, DB]) bench.gateway.detach(bench.ports.get(address)?.index ?? -1);
    bench.port(WEB).outgoing.push(ipv4Frame({ from: WEB, to: '224.0.0.1', destinationMac: BROADCAST_MAC }));
    bench.settle();
    assert.deepEqual(bench.gateway.counters, { in: 1, made: 0, out: 0, dropped: { NO_TX_TARGET: 1 } });
  });

  test('a detached port neither sends nor receives, and isn’t closed', () => {
    const bench = new Bench();
    const { port, index } = bench.ports.get(WEB) ?? assert.fail();
    bench.gateway.detach(index);
    port.outgoing.push(ipv4Frame({ from: WEB, to: HOST }));
    bench.port(HOST).outgoing.push(ipv4Frame({ from: HOST, to: WEB }));
    bench.settle();
    assert.deepEqual([port.given, port.outgoing.length, port.closed], [[], 1, 0]);
    assert.deepEqual(bench.gateway.counters.dropped, { NO_TX_TARGET: 1 });
    bench.add(WEB, GatewayPortKind.Container);
    bench.port(HOST).outgoing.push(ipv4Frame({ from: HOST, to: WEB }));
    bench.settle();
    assert.equal(bench.port(WEB).given.length, 1);
  });

  test('published ports are open between a container and the load balancer', () => {
    const bench = new Bench();
    const frame = ipv4Frame({ from: WEB, to: SANDBOX, port: 8080 });
    bench.port(WEB).outgoing.push(frame);
    bench.settle();
    assert.deepEqual(bench.gateway.counters.dropped, { NETFILTER_DROP: 1 });
    bench.gateway.publish([{ protocol: 'tcp', port: 8080 }]);
    bench.port(WEB).outgoing.push(frame);
    bench.settle();
    assert.deepEqual(bench.port(SANDBOX).given, [hex(frame)]);
  });

  test('only ports with a descriptor are polled, and the list is a new one after each change', () => {
    const bench = new Bench();
    const before = bench.gateway.descriptors;
    assert.deepEqual(before, []);
    bench.add('172.18.0.5', GatewayPortKind.Container);
    assert.notEqual(bench.gateway.descriptors, before);
  });
});
