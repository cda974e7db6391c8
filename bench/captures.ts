/** Generates the captures for the benchmarks in bench/captures/ (not in git): VXLAN over IPv4 with UDP inside, a hundred
 * flows, correct checksums throughout.
 *
 *     node dist/bench/captures.js [--count N] [--big]
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { OutputFile, PcapWriter } from '../src/capture/index.js';
import { VXLAN_PORT, VXLAN_HEADER_LEN, VxlanView } from '../src/wire/index.js';
import { FRAME_HEADERS as HEADERS, writeHeaders } from './frame.js';

/** The repository's folder; this file runs as dist/bench/captures.js. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** The captures' folder. */
export const CAPTURES = join(ROOT, 'bench', 'captures');

/** Number of flows. */
export const FLOWS = 100;
const VNI = 4097;
const NODES = 4;
const CONTAINERS = 40;

/** Pseudorandom numbers from 0 to 2^32 - 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** A container's addresses in the inner packet, and its node's in the outer one. */
function container(number: number): { mac: string; ip: string } {
  return { mac: `02:42:0a:00:09:${(3 + number).toString(16).padStart(2, '0')}`, ip: `10.0.9.${3 + number}` };
}

function nodeOf(number: number): { mac: string; ip: string } {
  const node = 1 + (number % NODES);
  return { mac: `02:00:00:00:50:0${node}`, ip: `192.168.50.${node}` };
}

/** The network of the captures, as a config. */
export function networkConfig(): string {
  const nodes = Array.from({ length: NODES }, (_, i) => `  n${i}: { vtep: ${nodeOf(i).ip}, mac: "${nodeOf(i).mac}" }`);
  const endpoints = Array.from({ length: CONTAINERS }, (_, i) => {
    const { mac, ip } = container(i);
    return `  c${i}: { network: net, node: n${i % NODES}, ip: ${ip}, mac: "${mac}" }`;
  });
  const network = `networks:\n  net: { vni: ${VNI}, subnet: 10.0.9.0/24 }`;
  return `nodes:\n${nodes.join('\n')}\n${network}\nendpoints:\n${endpoints.join('\n')}\n`;
}

/** One packet of a flow, with `payload` bytes inside. */
export function makePacket(flow: number, payload: number): Uint8Array {
  const inner = HEADERS + payload;
  const bytes = new Uint8Array(HEADERS + VXLAN_HEADER_LEN + inner);
  const frame = HEADERS + VXLAN_HEADER_LEN;
  const next = random(flow);
  const source = next() % CONTAINERS;
  // On another node: traffic within a node never reaches the wire.
  const destination = (source + 1 + (next() % (NODES - 1)) + NODES * (next() % (CONTAINERS / NODES))) % CONTAINERS;
  // The first byte stays 0, so that heuristic dissectors don't match the payload.
  for (let i = 1; i < payload; i++) bytes[frame + HEADERS + i] = next();
  // Ports that no dissector claims.
  const port = 40_000 + flow;
  writeHeaders(
    bytes,
    frame,
    payload,
    { ...container(source), port },
    { ...container(destination), port: port + FLOWS },
    flow,
  );
  new VxlanView().wrap(bytes, HEADERS).write(VNI);
  writeHeaders(
    bytes,
    0,
    VXLAN_HEADER_LEN + inner,
    { ...nodeOf(source), port: 0xc000 | (next() & 0x3fff) },
    { ...nodeOf(destination), port: VXLAN_PORT },
    flow,
  );
  return bytes;
}

/**
 * Generates a capture unless it already exists.
 * @param payload bytes inside each inner UDP datagram
 * @param packets number of packets
 * @returns its path
 */
export function capture(payload: number, packets: number): string {
  const path = join(CAPTURES, `vxlan-${payload}-${packets}.pcap`);
  const flows = Array.from({ length: FLOWS }, (_, flow) => makePacket(flow, payload));
  const size = 24 + packets * (16 + flows[0].length);
  if (existsSync(path) && statSync(path).size === size) return path;
  mkdirSync(CAPTURES, { recursive: true });
  const file = new OutputFile(path);
  const writer = new PcapWriter(file.write);
  const next = random(payload);
  for (let i = 0; i < packets; i++) {
    const packet = flows[next() % FLOWS];
    writer.write(packet, 0, packet.length, packet.length, 1_700_000_000 + Math.floor(i / 1e5), (i % 1e5) * 10_000);
  }
  writer.flush();
  file.commit();
  return path;
}

/** Packets in the default captures. */
export const COUNT = 500_000;
/** Packets of 1400 bytes in a file of 1 GiB. */
export const BIG_COUNT = Math.ceil((2 ** 30 - 24) / (16 + 2 * HEADERS + VXLAN_HEADER_LEN + 1400));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { count: { type: 'string' }, big: { type: 'boolean' } } });
  const count = Number(values.count ?? COUNT);
  if (!Number.isSafeInteger(count) || count < 1) {
    process.stderr.write('captures: --count must be a positive integer\n');
    process.exit(2);
  }
  for (const payload of [64, 1400]) process.stdout.write(`${capture(payload, count)}\n`);
  if (values.big === true) process.stdout.write(`${capture(1400, BIG_COUNT)}\n`);
}
