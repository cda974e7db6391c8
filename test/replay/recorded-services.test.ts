/**
 * Docker's recordings of a service, through the load balancers and the wire and back: the client's frames go in, exactly
 * the recorded VXLAN packets come out, to the backends that were picked then, and the recorded answers reach the client.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Oversize } from '../../src/dataplane/index.js';
import type { PacketBatch } from '../../src/memory/index.js';
import { parseConfig } from '../../src/overlay/files.js';
import type { Topology } from '../../src/overlay/index.js';
import { Replay, type ReplayResult } from '../../src/replay/index.js';
import { EtherType, formatIpv4, IpProtocol } from '../../src/wire/index.js';
import { type Frame, framesOf } from '../cli/frames.js';
import { fixture } from '../repository.js';

const ETHERNET = 14;
/** Outer IPv4, UDP and VXLAN. */
const OUTER = 36;
const VXLAN_PORT = 4789;
/** Offsets of the addresses in an IPv4 header. */
const SOURCE = 12;
const DESTINATION = 16;
const FRAGMENT = 0x3fff;
const TASKS = {
  1: 'node: node1, ip: { ingress: 10.0.0.6, my-network: 10.0.9.4 }',
  2: 'node: node2, ip: { ingress: 10.0.0.7, my-network: 10.0.9.5 }',
  3: 'node: node2, ip: { ingress: 10.0.0.5, my-network: 10.0.9.3 }',
} as const;

/**
 * The recorded swarm.
 * @param order slots of the web service's tasks, in the order in which the node learned of them
 * @param gateway the host's address at docker_gwbridge
 */
function swarm(order: readonly (keyof typeof TASKS)[], gateway = '172.18.0.1'): Topology {
  return parseConfig(`
nodes: { node1: { vtep: 192.168.50.1 }, node2: { vtep: 192.168.50.2 } }
networks:
  ingress: { ingress: true, subnet: 10.0.0.0/24, balancers: { node1: 10.0.0.2, node2: 10.0.0.3 } }
  my-network: { subnet: 10.0.9.0/24, attachable: true, balancers: { node1: 10.0.9.7, node2: 10.0.9.6 } }
services:
  my-web:
    networks: [my-network]
    ports: ['8080:80']
    vip: { ingress: 10.0.0.4, my-network: 10.0.9.2 }
    tasks: [${order.map((slot) => `{ slot: ${slot}, ${TASKS[slot]} }`).join(', ')}]
  my-busybox:
    networks: [my-network]
    vip: 10.0.9.8
    tasks: [{ slot: 1, node: node2, ip: 10.0.9.9 }, { slot: 2, node: node1, ip: 10.0.9.10 }]
gateway: { gateway: ${gateway} }
`);
}

/** An outer packet without what each sender chooses: identification, UDP source port, and the sums over them. */
function chosenOnly(packet: Uint8Array): string {
  const copy = Buffer.from(packet);
  copy.fill(0, 4, 6);
  copy.fill(0, 10, 12);
  copy.fill(0, 20, 22);
  copy.fill(0, 26, 28);
  return copy.toString('hex');
}

/** The VXLAN packets of a recording that match, in order. */
async function vxlanOf(name: string, isWanted: (inner: Uint8Array) => boolean): Promise<string[]> {
  return (await framesOf(fixture(name)))
    .map(({ hex }) => Buffer.from(hex, 'hex').subarray(ETHERNET))
    .filter((packet) => packet[9] === IpProtocol.Udp && packet.readUInt16BE(22) === VXLAN_PORT)
    .filter((packet) => isWanted(packet.subarray(OUTER)))
    .map(chosenOnly);
}

function innerOf(hex: string): Uint8Array {
  return Buffer.from(hex, 'hex').subarray(OUTER);
}

/** Whether a frame is TCP with an address. @param at offset of the address in the IP header */
function isTcp(frame: Uint8Array, at: number, address: string): boolean {
  const ip = frame.subarray(ETHERNET);
  const isIpv4 = Buffer.from(frame).readUInt16BE(12) === EtherType.Ipv4;
  return isIpv4 && ip[9] === IpProtocol.Tcp && formatIpv4(ip.subarray(at, at + 4)) === address;
}

/** A TCP port of a frame without IP options. */
function portOf(frame: Uint8Array, at: number): number {
  return Buffer.from(frame).readUInt16BE(ETHERNET + 20 + at);
}

interface Replayed {
  readonly result: ReplayResult;
  /** The packets that each node sent. */
  readonly wire: readonly string[][];
}

function replayed(topology: Topology, frames: readonly Frame[], ingressNode?: string): Replayed {
  const wire: string[][] = topology.nodes.map(() => []);
  const replay = new Replay(topology, {
    oversize: Oversize.Outside,
    batchSize: 256,
    frameBytes: 66_000,
    balance: true,
    ...(ingressNode === undefined ? {} : { ingressNode }),
    onWire: ({ arena, start, end, count }: PacketBatch, from: number) => {
      for (let i = 0; i < count; i++) wire[from].push(chosenOnly(arena.bytes.subarray(start[i], end[i])));
    },
  });
  const [first] = frames;
  for (const { hex, seconds, nanoseconds } of frames) {
    const bytes = Buffer.from(hex, 'hex');
    replay.send(bytes, 0, bytes.length, -1, seconds - first.seconds + nanoseconds / 1e9);
  }
  replay.flush();
  const result = replay.result();
  replay.close();
  return { result, wire };
}

/** A recording of a client's side, and what came of it. */
interface Case {
  readonly title: string;
  /** The capture at the client or at the gateway, and the one of the underlay. */
  readonly client: string;
  readonly underlay: string;
  /** The client's node, and the address of its load balancer on the network. */
  readonly node: 'node1' | 'node2';
  readonly network: 'ingress' | 'my-network';
  readonly balancer: string;
  /** Slots of the tasks in the order in which the node learned of them: the last one is picked first. */
  readonly order: readonly (keyof typeof TASKS)[];
  /** Connections by task, in the order of the scheduler. */
  readonly opened: Readonly<Record<string, number>>;
  /** Packets to the service, answers of it, and packets each way between the nodes: on the way back sent, and recorded. */
  readonly counts: readonly [requests: number, answers: number, out: number, back: number, recordedBack: number];
}

/** The host's address at docker_gwbridge, and the port that its own connection had there. */
const HOST = '172.18.0.1';
const HOST_PORT = 45570;
const VIP = 'docker/03-vip-http';
const INGRESS = 'docker/05-ingress';
const CASES: readonly Case[] = [
  {
    title: 'a VIP, from node1',
    client: `${VIP}.busybox1.pcap`,
    underlay: `${VIP}.underlay.pcap`,
    node: 'node1',
    network: 'my-network',
    balancer: '10.0.9.7',
    order: [1, 2, 3],
    opened: { 'my-web.3': 3, 'my-web.2': 2, 'my-web.1': 2 },
    counts: [86, 72, 57, 49, 96],
  },
  {
    title: 'a VIP, from node2',
    client: `${VIP}.busybox2.pcap`,
    underlay: `${VIP}.underlay.pcap`,
    node: 'node2',
    network: 'my-network',
    balancer: '10.0.9.6',
    order: [2, 3, 1],
    opened: { 'my-web.1': 1, 'my-web.3': 1, 'my-web.2': 1 },
    counts: [32, 31, 9, 9, 9],
  },
  {
    title: 'a published port of node1',
    client: `${INGRESS}.node1-ingress_sbox-eth1.pcap`,
    underlay: `${INGRESS}.underlay.pcap`,
    node: 'node1',
    network: 'ingress',
    balancer: '10.0.0.2',
    order: [1, 2, 3],
    opened: { 'my-web.3': 2, 'my-web.2': 1, 'my-web.1': 1 },
    counts: [42, 42, 31, 31, 31],
  },
  {
    title: 'a published port of node2',
    client: `${INGRESS}.node2-ingress_sbox-eth1.pcap`,
    underlay: `${INGRESS}.underlay.pcap`,
    node: 'node2',
    network: 'ingress',
    balancer: '10.0.0.3',
    order: [2, 3, 1],
    opened: { 'my-web.1': 2, 'my-web.3': 2, 'my-web.2': 1 },
    counts: [69, 95, 20, 20, 20],
  },
];

describe('recorded requests to a service give exactly the recorded VXLAN packets, and the recorded answers', () => {
  for (const { title, client, underlay, node, network, balancer, order, opened, counts } of CASES) {
    test(title, async () => {
      // The host's own connection was captured before its checksums were complete.
      const frames = (await framesOf(fixture(client))).filter(({ hex }) => {
        const frame = Buffer.from(hex, 'hex');
        return !isTcp(frame, SOURCE, HOST) && !isTcp(frame, DESTINATION, HOST);
      });
      const { result, wire } = replayed(swarm(order), frames, node);
      const { services } = result;
      assert.ok(services);
      const here = node === 'node1' ? 0 : 1;
      const isOut = (inner: Uint8Array): boolean => isTcp(inner, SOURCE, balancer) && portOf(inner, 0) !== HOST_PORT;
      const isBack = (inner: Uint8Array): boolean =>
        isTcp(inner, DESTINATION, balancer) && portOf(inner, 2) !== HOST_PORT;
      const recorded = { out: await vxlanOf(underlay, isOut), back: await vxlanOf(underlay, isBack) };
      const sent = {
        out: wire[here].filter((hex) => isOut(innerOf(hex))),
        back: wire[1 - here].filter((hex) => isBack(innerOf(hex))),
      };
      assert.deepEqual(sent.out, recorded.out);
      // The client's kernel had joined segments before they were captured: those leave as fragments here.
      const whole = sent.back.filter((hex) => (Buffer.from(hex, 'hex').readUInt16BE(6) & FRAGMENT) === 0);
      const found = recorded.back.filter((hex) => whole.includes(hex));
      assert.deepEqual(whole, found);
      const { requests, answers, exactAnswers, changedAnswers, nodes } = services;
      assert.deepEqual([requests, answers, sent.out.length, whole.length, recorded.back.length], counts);
      assert.deepEqual([exactAnswers, changedAnswers, result.missing, result.balanced], [answers, 0, 0, true]);
      const backends = nodes[node]
        .find((one) => one.network === network)
        ?.services.find(({ name }) => name === 'my-web')?.backends;
      const connections = Object.fromEntries(backends?.map((backend) => [backend.task, backend.opened]) ?? []);
      assert.deepEqual(connections, opened);
    });
  }
});

test("requests to published ports go to the lowest address of the gateway network that is not the host's", async () => {
  const requests = (await framesOf(fixture(`${INGRESS}.node1-ingress_sbox-eth1.pcap`)))
    .map((frame) => ({ ...frame, bytes: Buffer.from(frame.hex, 'hex') }))
    .filter(({ bytes }) => isTcp(bytes, DESTINATION, '172.18.0.2') && !isTcp(bytes, SOURCE, HOST))
    .map(({ bytes, ...frame }) => {
      // To 172.18.0.1 instead: both checksums grow by what the address shrinks.
      bytes[5] = 1;
      bytes[ETHERNET + DESTINATION + 3] = 1;
      for (const at of [ETHERNET + 10, ETHERNET + 20 + 16]) bytes.writeUInt16BE(bytes.readUInt16BE(at) + 1, at);
      return { ...frame, hex: bytes.toString('hex') };
    });
  const { result } = replayed(swarm([1, 2, 3], '172.18.255.254'), requests, 'node1');
  assert.equal(result.services?.requests, requests.length);
  assert.equal(result.services.balanced, requests.length);
});
