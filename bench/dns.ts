/**
 * Answers per second of the DNS server in memory, on one thread: queries of a small swarm, answered into one buffer.
 *
 *     node --expose-gc dist/bench/dns.js
 */
import { parseIp } from '../src/overlay/index.js';
import { DnsClient, DnsNames, DnsProfile, DnsTransport, Resolver } from '../src/service/index.js';
import { machine, median, printTable, spread } from './machine.js';

const ROUNDS = 7;
const PER_ROUND = 400_000;
const TASKS = 3;
const OUT_BYTES = 65_535;
const Type = { A: 1, Ptr: 12, Aaaa: 28 } as const;

const collect = (globalThis as { gc?: () => void }).gc;

/** A swarm of this many services, with three tasks each and a VIP. */
function namesOf(services: number): DnsNames {
  const names = new DnsNames();
  names.addNetwork({ id: 'n', name: 'my-network' });
  for (let number = 0; number < services; number++) {
    const [high, low] = [number >>> 8, number & 255];
    const service = { id: `s${number}`, name: `web${number}`, vip: parseIp(`10.1.${high}.${low}`) };
    for (let slot = 1; slot <= TASKS; slot++) {
      const endpoint = `e${number}.${slot}`;
      const addresses = [parseIp(`10.${1 + slot}.${high}.${low}`)];
      names.set({ network: 'n', endpoint, name: `web${number}.${slot}.j41qw6u3cnhesobnnafym7p32`, addresses, service });
    }
  }
  return names;
}

function queryOf(name: string, type: number): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Uint8Array.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1]);
}

/** Nanoseconds of CPU time per answer, which other processes affect less than wall-clock time, and bytes allocated per answer, of one kind of query. */
function measure(names: DnsNames, queries: readonly Uint8Array[]): { times: number[]; allocated: number } {
  const client = new DnsClient(names, { networks: ['n'] });
  const resolver = new Resolver({ profile: DnsProfile.Current });
  const out = new Uint8Array(OUT_BYTES);
  const times: number[] = [];
  let allocated = 0;
  for (let round = -1; round < ROUNDS; round++) {
    collect?.();
    const heap = process.memoryUsage().heapUsed;
    const from = process.cpuUsage();
    let answered = 0;
    for (let i = 0, at = 0; i < PER_ROUND; i++) {
      const query = queries[at];
      if (++at === queries.length) at = 0;
      if (resolver.answer(client, query, 0, query.length, DnsTransport.Udp, out, 0) > 0) answered++;
    }
    const { user, system } = process.cpuUsage(from);
    if (answered !== PER_ROUND) throw new Error(`only ${answered} of ${PER_ROUND} queries were answered`);
    if (round < 0) continue;
    times.push(((user + system) * 1000) / PER_ROUND);
    allocated = Math.max(0, process.memoryUsage().heapUsed - heap) / PER_ROUND;
  }
  return { times, allocated };
}

process.stdout.write(`${machine()}\n\nAnswers of the DNS server in memory, one thread, ${ROUNDS} rounds:\n\n`);
const rows: string[][] = [];
for (const services of [10, 10_000]) {
  const names = namesOf(services);
  const asked = Array.from({ length: Math.min(services, 1000) }, (_, i) => (i * 7) % services);
  const kinds: readonly (readonly [string, (number: number) => Uint8Array])[] = [
    ['A of a VIP', (number) => queryOf(`web${number}`, Type.A)],
    ['A of tasks (3)', (number) => queryOf(`tasks.web${number}`, Type.A)],
    ['A, with the network', (number) => queryOf(`web${number}.my-network`, Type.A)],
    ['AAAA (empty)', (number) => queryOf(`web${number}`, Type.Aaaa)],
    ['PTR', (number) => queryOf(`${number & 255}.${number >>> 8}.2.10.in-addr.arpa`, Type.Ptr)],
  ];
  for (const [kind, of] of kinds) {
    const { times, allocated } = measure(names, asked.map(of));
    const time = median(times);
    rows.push([
      kind,
      services.toLocaleString('en'),
      time.toFixed(0),
      Math.round(1e9 / time).toLocaleString('en'),
      `${spread(times).toFixed(0)} %`,
      allocated.toFixed(2),
    ]);
  }
}
printTable(['query', 'services', 'ns', 'answers/s', 'spread', 'bytes/answer'], rows);
