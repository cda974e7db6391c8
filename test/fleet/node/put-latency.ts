/**
 * Time from a put to the change in the tables of a running node, with a real NATS server:
 * `node dist/test/fleet/node/put-latency.js`. With `leads`, the node leads, and schedules tasks meanwhile.
 */
import { randomBytes } from 'node:crypto';
import {
  encodeRecord,
  type FleetRecord,
  FleetVtep,
  LEADER,
  Lease,
  leaseKey,
  NatsStore,
  recordKey,
} from '../../../src/fleet/index.js';
import { parseIp } from '../../../src/overlay/index.js';
import { NatsServer } from '../store/nats-server.js';
import { endpointRecord, networkRecord, nodeRecord } from './some-records.js';

const PUTS = 1000;
const VTEP = '127.0.0.9';

const server = await NatsServer.start();
const address = `${server.address}/latency`;
const writer = await NatsStore.open(address);
const put = (record: FleetRecord): Promise<number> => writer.put(recordKey(record), encodeRecord(record));
const other = nodeRecord('other', '127.0.0.8');
const token = randomBytes(16);
await Lease.take(writer, leaseKey(other.record.name), new Uint8Array(0), { duration: 86_400_000, token });
await put(other);
if (process.argv[2] !== 'leads') {
  await Lease.take(writer, LEADER, new TextEncoder().encode('other'), { duration: 86_400_000, token });
}
await put(networkRecord('web', 4097, '10.0.0.0/16', { ingress: true }));
const node = await FleetVtep.open({
  store: await NatsStore.open(address),
  overlay: 'latency',
  here: { name: 'me', vtep: parseIp(VTEP), mac: undefined, mtu: 1500 },
  port: 47_890,
  servicesInHost: false,
});
const ending = new AbortController();
const running = node.run(ending.signal);
const times: number[] = [];
const { tables } = node.vtep.node;
for (let i = 0; i < PUTS; i++) {
  const id = `c${i}`;
  const ip = `10.0.${1 + (i >> 8)}.${i & 255}`;
  const sent = performance.now();
  const done = put(endpointRecord(id, 'web', 'other', ip));
  while (tables.endpointWithId(`web/${id}`) < 0) await new Promise((resolve) => setImmediate(resolve));
  times.push(performance.now() - sent);
  await done;
}
times.sort((a, b) => a - b);
const at = (part: number): string => (times[Math.floor(part * (times.length - 1))] ?? 0).toFixed(2);
process.stdout.write(`put to applied, ${PUTS} puts: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms\n`);
ending.abort();
await running;
await node.close();
await writer.close();
await server.kill();
server.close();
