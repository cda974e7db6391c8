/** Two nodes with a container each, as in the recordings, and the packets of their chains. */
import assert from 'node:assert/strict';
import { type Aead, hkdfSha256, nodeBackend } from '../../src/aead/index.js';
import {
  EgressChain,
  type EgressOptions,
  IngressChain,
  type IngressChainOptions,
  Oversize,
} from '../../src/dataplane/index.js';
import { Arena, type ArenaOptions, PacketBatch } from '../../src/memory/index.js';
import { parseConfig } from '../../src/overlay/files.js';
import { NodeSas, NodeTables, type Topology } from '../../src/overlay/index.js';
import { ETHERNET_HEADER_LEN, EthernetHeaders, Layer, Layers, LinkType, walkLink } from '../../src/wire/index.js';
import { fixture } from '../repository.js';
import { framesOf } from '../cli/frames.js';

/** MACs of the recordings' containers. */
export const C1 = '02420a000903';
export const C2 = '02420a000904';

/** Differences from the recordings' network. */
export interface Setup {
  readonly family?: 4 | 6;
  readonly mtu?: number;
  readonly networkMtu?: number;
  readonly encrypted?: boolean;
  readonly profile?: 'swarm' | 'strict';
  readonly flood?: 'drop' | 'replicate';
  readonly learning?: boolean;
  /** IP version of the containers' addresses. */
  readonly inner?: 4 | 6;
  /** More containers, as lines of the config. */
  readonly endpoints?: readonly string[];
  /** More nodes, as lines of the config. */
  readonly nodes?: readonly string[];
  /** More networks, as lines of the config. */
  readonly networks?: readonly string[];
}

/** Keys of the ring, by tag. */
export const RING = `keys:
  - { tag: 1, key: "000102030405060708090a0b0c0d0e0f" }
  - { tag: 2, key: "101112131415161718191a1b1c1d1e1f" }
  - { tag: 3, key: "202122232425262728292a2b2c2d2e2f" }
`;

/** The network as a config file. */
export function configText(setup: Setup = {}): string {
  const { family = 4, mtu = 1500, encrypted = false, profile = 'swarm', inner = 4 } = setup;
  const { networkMtu, flood, learning, endpoints = [], nodes = [], networks = [] } = setup;
  const vtep = family === 4 ? '192.168.50.' : 'fd50::';
  const ip = inner === 4 ? '10.0.9.' : 'fd00:9::';
  const options = [
    'vni: 4097',
    `encrypted: ${encrypted}`,
    ...(networkMtu === undefined ? [] : [`mtu: ${networkMtu}`]),
    ...(flood === undefined ? [] : [`flood: ${flood}`]),
    ...(learning === undefined ? [] : [`learning: ${learning}`]),
  ];
  const lines = (all: readonly string[]): string => all.map((line) => `  ${line}\n`).join('');
  return (
    `profile: ${profile}\nnodes:\n` +
    `  n1: { vtep: "${vtep}1", mac: "02:00:00:00:50:01", mtu: ${mtu} }\n` +
    `  n2: { vtep: "${vtep}2", mac: "02:00:00:00:50:02", mtu: ${mtu} }\n` +
    lines(nodes) +
    `networks:\n  net: { ${options.join(', ')} }\n${lines(networks)}` +
    `endpoints:\n` +
    `  c1: { network: net, node: n1, ip: "${ip}3", mac: "02:42:0a:00:09:03" }\n` +
    `  c2: { network: net, node: n2, ip: "${ip}4", mac: "02:42:0a:00:09:04" }\n` +
    lines(endpoints) +
    (encrypted ? RING : '')
  );
}

/** The network. */
export function topologyOf(setup: Setup = {}): Topology {
  return parseConfig(configText(setup));
}

/** How a node is made. */
export interface NodeOptions {
  readonly arena?: ArenaOptions;
  readonly egress?: EgressOptions;
  readonly ingress?: IngressChainOptions;
  /**
   * Whether it has the ring's keys.
   * @default true
   */
  readonly keys?: boolean;
}

/** A packet that a chain sent. */
export interface Given {
  readonly node: number;
  readonly endpoint: number;
  readonly network: number;
  readonly bytes: Uint8Array;
}

/** A node that keeps the output of its chains. */
export class TestNode {
  readonly arena: Arena;
  readonly tables: NodeTables;
  readonly egress: EgressChain;
  readonly ingress: IngressChain;
  readonly wire: Given[] = [];
  readonly local: Given[] = [];
  readonly replies: Given[] = [];
  readonly delivered: Given[] = [];

  constructor(topology: Topology, name: string, options: NodeOptions = {}) {
    this.arena = new Arena({ slots: 1024, frameBytes: 66_000, debug: true, ...options.arena });
    this.tables = new NodeTables(topology, name);
    const aead: Aead = nodeBackend.create();
    let calls = 0;
    // The same masks in every run, so that runs can be compared.
    const random = (bytes: Uint8Array): void => void bytes.fill(0x30 + calls++);
    const { node } = this.tables;
    const secrets =
      topology.ring === undefined || options.keys === false
        ? {}
        : { aead, sas: NodeSas.ofTopology(topology, node, aead, { hkdf: hkdfSha256, random }) };
    const keep = (list: Given[]) => (batch: PacketBatch) => {
      for (let i = 0; i < batch.count; i++) {
        const bytes = batch.arena.bytes.slice(batch.start[i], batch.end[i]);
        list.push({ node: batch.node[i], endpoint: batch.endpoint[i], network: batch.network[i], bytes });
      }
    };
    const { vtep, mac } = topology.nodes[node];
    const macs = topology.nodes.map((other) => other.mac);
    const headers = new EthernetHeaders(vtep.length === 4 ? 4 : 6, mac, macs);
    // Frames as the recordings have them.
    const onEthernet = (batch: PacketBatch): void => {
      for (let i = 0; i < batch.count; i++)
        batch.start[i] = headers.prepend(batch.arena.bytes, batch.start[i], batch.node[i]);
      keep(this.wire)(batch);
    };
    const sinks = { wire: onEthernet, local: keep(this.local), replies: keep(this.replies) };
    // The same identifications in every run, too.
    const starts = { random: (): void => undefined };
    this.egress = new EgressChain(this.tables, this.arena, sinks, { ...starts, ...secrets, ...options.egress });
    this.ingress = new IngressChain(this.tables, this.arena, keep(this.delivered), { ...secrets, ...options.ingress });
  }

  /** Sends frames of the containers. */
  send(frames: readonly Uint8Array[], size = 256, now = 0, network = 0): void {
    this.#run(this.egress, frames, size, now, network);
  }

  /** Receives Ethernet frames off the wire: the IP packet of each, or the bytes after a damaged header. */
  receive(frames: readonly Uint8Array[], size = 256, now = 0): void {
    const layers = new Layers();
    const packets = frames.map((frame) => {
      walkLink(layers, LinkType.Ethernet, frame, 0, frame.length, frame.length);
      return frame.subarray(layers.layer > Layer.Vlan ? layers.networkOffset : ETHERNET_HEADER_LEN);
    });
    this.#run(this.ingress, packets, size, now, -1);
  }

  #run(
    chain: EgressChain | IngressChain,
    packets: readonly Uint8Array[],
    size: number,
    now: number,
    network: number,
  ): void {
    const batch = new PacketBatch(this.arena, size);
    packets.forEach((bytes, i) => {
      assert.ok(batch.copyIn(bytes, 0, bytes.length, network) >= 0, 'the arena has no room for the test’s packet');
      if (batch.full || i === packets.length - 1) chain.run(batch, now);
    });
  }

  /** Asserts that all packets are accounted for, and that every slot is free. */
  balanced(): void {
    const { frames, copies, repliesMade, sent, local, replies, dropped } = this.egress.accounting;
    assert.equal(frames + copies + repliesMade, sent + local + replies + dropped, 'the sum of egress');
    assert.equal(local, this.local.length);
    assert.equal(replies, this.replies.length);
    assert.equal(this.egress.wirePackets, this.wire.length);
    const { packets, delivered, drops, held, deliver, reassembly } = this.ingress;
    assert.equal(delivered, this.delivered.length);
    assert.equal(
      packets + reassembly.datagrams + deliver.copies,
      delivered + drops.total + held + reassembly.reassembledFragments,
      'the sum of ingress',
    );
    assert.deepEqual(this.arena.holders(), []);
    assert.equal(this.arena.available, this.arena.slots);
  }
}

/** Two nodes of one network. */
export function pairOf(setup: Setup = {}, options: NodeOptions = {}): readonly [TestNode, TestNode] {
  const topology = topologyOf(setup);
  const outside = { ...options, egress: { oversize: Oversize.Outside, ...options.egress } };
  return [new TestNode(topology, 'n1', outside), new TestNode(topology, 'n2', outside)];
}

/** Bytes from hexadecimal digits. */
export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

/** Hexadecimal digits of packets. */
export function hexOf(packets: readonly Given[]): string[] {
  return packets.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
}

/** All packets of a recording, as hexadecimal digits. */
export async function recorded(path: string): Promise<string[]> {
  return (await framesOf(fixture(path))).map(({ hex }) => hex);
}

const NEIGHBOUR_SOLICITATION = 135;
const NEIGHBOUR_ADVERTISEMENT = 136;

/** Whether a frame is ARP or neighbour discovery, which a node with a neighbour table answers itself. */
export function isNeighbour(hex: string): boolean {
  const etherType = hex.slice(24, 28);
  if (etherType === '0806') return true;
  const type = Number.parseInt(hex.slice(2 * 54, 2 * 55), 16);
  const nd = type === NEIGHBOUR_SOLICITATION || type === NEIGHBOUR_ADVERTISEMENT;
  return etherType === '86dd' && hex.slice(40, 42) === '3a' && nd;
}

/** Frames of a recording from one container to the other. */
export function between(frames: readonly string[], source: string, destination: string): string[] {
  return frames.filter((hex) => hex.startsWith(destination + source));
}
