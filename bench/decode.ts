/**
 * Decoding speed: parts with tinybench on packets in memory, chains over whole captures.
 *
 *     node dist/bench/decode.js
 */
import { Bench } from 'tinybench';
import { UnderlayDecoder } from '../src/dataplane/index.js';
import {
  checkIpv4,
  HeaderError,
  Ipv4View,
  ipv4Layout,
  Layers,
  onesSum,
  UdpView,
  udpLayout,
  VxlanView,
  vxlanLayout,
} from '../src/wire/index.js';
import { COUNT, capture, makePacket } from './captures.js';
import { FRAME_HEADERS } from './frame.js';
import {
  decodeInMemory,
  decodeOuter,
  decodeToInnerIp,
  decodeOverlay,
  type Pass,
  readRecords,
  readRecordsByPcapParser,
} from './chain.js';
import { machine, median, printTable, spread } from './machine.js';

const ROUNDS = 7;
/** Calls per sample, so that the clock's own cost is negligible. */
const REPEAT = 1000;

async function parts(): Promise<void> {
  const packet = makePacket(0, 64);
  const large = makePacket(0, 1400);
  const layers = new Layers();
  const receiver = new UnderlayDecoder();
  const views = { ipv4: new Ipv4View(), udp: new UdpView(), vxlan: new VxlanView() };
  let sink = 0;
  const bench = new Bench({ time: 300 });
  const add = (name: string, call: () => void): void => {
    bench.add(name, () => {
      for (let i = 0; i < REPEAT; i++) call();
    });
  };
  add('Layers.walkEthernet, plain packet', () => {
    sink += layers.walkEthernet(packet, 0, packet.length);
  });
  add('Layers.walkAnyEthernet, the same packet', () => {
    sink += layers.walkAnyEthernet(packet, 0, packet.length);
  });
  add('UnderlayDecoder.receive', () => {
    sink += receiver.receive(1, packet, 0, packet.length, packet.length, 0);
  });
  add('IPv4, UDP, VXLAN by check and view', () => {
    if (checkIpv4(packet, 14, packet.length) !== HeaderError.None) return;
    const ip = views.ipv4.wrap(packet, 14);
    const udp = views.udp.wrap(packet, ip.payloadOffset);
    sink += ip.ttl + udp.destinationPort + views.vxlan.wrap(packet, udp.payloadOffset).vni;
  });
  add('IPv4, UDP, VXLAN by buffer-layout', () => {
    const ip = ipv4Layout.decode(packet, 14);
    const udp = udpLayout.decode(packet, 34);
    sink += ip.ttl + udp.destinationPort + vxlanLayout.decode(packet, 42).vni;
  });
  add('checksum of 1400 bytes', () => {
    sink += onesSum(large, 0, 1400);
  });
  await bench.run();
  printTable(
    ['part, packet in memory', 'ns', 'spread %'],
    bench.tasks.map(({ name, result }) => {
      if (!('latency' in result)) return [name, 'failed', ''];
      const { p50, p75 } = result.latency;
      return [name, ((p50 * 1e6) / REPEAT).toFixed(1), ((100 * (p75 - p50)) / p50).toFixed(0)];
    }),
  );
  if (Number.isNaN(sink)) throw new Error('the parts were not run');
}

/** Measures the passes over frame sizes that bench/peers/ measures too. */
async function chains(frameBytes: number): Promise<void> {
  const path = capture(frameBytes - FRAME_HEADERS, COUNT);
  const table: [string, (path: string) => Promise<Pass>][] = [
    ['records', readRecords],
    ['records, by vtep/native-free', readRecordsByPcapParser],
    ['outer headers', decodeOuter],
    ['to the inner IP, packets in memory', (file) => decodeInMemory(file, COUNT)],
    ['to the inner IP', (file) => decodeToInnerIp(file)],
    ['to the inner IP, no fast path', (file) => decodeToInnerIp(file, false)],
    ['UnderlayDecoder, then the inner IP', decodeOverlay],
  ];
  const times = new Map<string, number[]>(table.map(([name]) => [name, []]));
  const checks = new Map<string, number>();
  let bytes = 0;
  // Interleave the chains, so that a slow phase of the machine affects all comparable.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, run] of table) {
      const start = process.hrtime.bigint();
      const pass = await run(path);
      const nanoseconds = Number(process.hrtime.bigint() - start) / pass.packets;
      bytes = pass.bytes / pass.packets;
      checks.set(name, pass.check);
      if (round > 0) times.get(name)?.push(nanoseconds);
    }
  }
  const comparable = table.slice(4).map(([name]) => checks.get(name));
  if (new Set(comparable).size !== 1) throw new Error(`the chains decoded differently: ${comparable.join(', ')}`);
  printTable(
    [`capture, frames of ${frameBytes} bytes`, 'ns/packet', 'Mpps', 'GB/s', 'spread %'],
    [...times].map(([name, values]) => {
      const middle = median(values);
      return [
        name,
        middle.toFixed(1),
        (1000 / middle).toFixed(1),
        (bytes / middle).toFixed(2),
        spread(values).toFixed(0),
      ];
    }),
  );
}

process.stdout.write(`${machine()}\n\n`);
await parts();
process.stdout.write('\n');
await chains(64);
process.stdout.write('\n');
await chains(1400);
