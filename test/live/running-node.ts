/** Nodes that run in one process, over a wire in memory. */
import assert from 'node:assert/strict';
import { hkdfSha256, nodeBackend } from '../../src/aead/index.js';
import { LiveNode, type LiveNodeOptions, type NodeCipher } from '../../src/live/index.js';
import type { DirectionCounters } from '../../src/live/node/node-chains.js';
import { Arena } from '../../src/memory/index.js';
import { parseConfig } from '../../src/overlay/files.js';
import { endpointId, type Topology } from '../../src/overlay/index.js';
import { configText, fromHex, type Setup } from '../dataplane/topology.js';
import { ListPort, MemoryUnderlay, MemoryWire } from './memory-underlay.js';

/** The MAC of all. */
export const BROADCAST = 'f'.repeat(12);

/** Keys in software, and masks that are the same every time. */
export function cipherOf(): NodeCipher {
  let calls = 0;
  const random = (bytes: Uint8Array): void => void bytes.fill(++calls);
  return { aead: nodeBackend.create(), hkdf: hkdfSha256, random };
}

/** A node with endpoints that are lists. */
export class Running {
  readonly arena = new Arena({ slots: 1024, frameBytes: 4000, debug: true });
  readonly underlay: MemoryUnderlay;
  readonly node: LiveNode;
  readonly ports = new Map<string, ListPort>();

  constructor(topology: Topology, name: string, wire: MemoryWire, options: Partial<LiveNodeOptions> = {}) {
    const index = topology.nodes.find((node) => node.name === name);
    this.underlay = new MemoryUnderlay(wire, index?.vtep ?? new Uint8Array(4));
    const { underlay, arena } = this;
    const cipher = cipherOf();
    this.node = new LiveNode({ topology, node: name, underlay, arena, cipher, clock: () => 0, ...options });
    const own = topology.nodes.findIndex((node) => node.name === name);
    for (const endpoint of topology.endpoints) if (endpoint.node === own) this.attach(endpointId(endpoint));
  }

  attach(endpoint: string): ListPort {
    const port = new ListPort();
    this.ports.set(endpoint, port);
    this.node.attach(endpoint, port);
    return port;
  }

  port(endpoint: string): ListPort {
    const port = this.ports.get(endpoint);
    assert.ok(port);
    return port;
  }

  /** Nothing is lost in silence, and every slot is free again. */
  balanced(): void {
    const { egress, ingress } = this.node.counters;
    for (const [way, { in: came, made, out, held, drops }] of Object.entries<DirectionCounters>({ egress, ingress })) {
      assert.equal(came + made, out + held + drops.total, way);
    }
    assert.equal(ingress.in, this.underlay.counters.received);
    assert.deepEqual(this.arena.holders(), []);
  }
}

/** Lets all nodes do what there is to do. */
export function settle(...nodes: readonly Running[]): void {
  while (nodes.map(({ node }) => node.turn(0)).some((any) => any));
}

export function pair(setup: Setup = {}, options: Partial<LiveNodeOptions> = {}): [Running, Running, MemoryWire] {
  const wire = new MemoryWire();
  const topology = (): Topology => parseConfig(configText(setup));
  return [new Running(topology(), 'n1', wire, options), new Running(topology(), 'n2', wire, options), wire];
}

export function frame(destination: string, source: string, filler = 'ab'): Uint8Array {
  return fromHex(`${destination}${source}88b5`.padEnd(120, filler));
}

/** The sequence number and SPI of a sealed IPv4 packet. */
export function espOf(packet: Uint8Array): { readonly spi: number; readonly sequence: number } {
  const view = new DataView(packet.buffer, packet.byteOffset);
  return { spi: view.getUint32(20), sequence: view.getUint32(24) };
}
