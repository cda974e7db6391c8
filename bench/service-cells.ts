/** Cells of services: the load balancer's translation, and answers of the DNS server. */
import { parseIp } from '../src/overlay/index.js';
import { BalanceVerdict, DnsClient, DnsNames, DnsProfile, DnsTransport, Resolver } from '../src/service/index.js';
import type { Cell } from './cell.js';
import { expectVerdict, TcpConnections } from './tcp-connections.js';
import { WINDOW } from './window.js';

const DNS_OUT_BYTES = 512;
const TYPE_A = 1;

/** Indices below `count` in pseudo-random order. */
function scattered(i: number, count: number): number {
  return (Math.imul(i, 0x9e3779b1) >>> 0) % count;
}

/**
 * Translates segments of known TCP connections to their backends, in random order.
 * @param connections how many the balancer knows
 */
export function balanceCell(connections: number): Cell {
  const known = new TcpConnections(connections, WINDOW);
  const { balancer, bytes, starts } = known;
  let next = 0;
  const cell: Cell = {
    packets: WINDOW,
    prepare: () => {
      next = (next + 7919) % connections;
      for (let slot = 0; slot < WINDOW; slot++) known.writeRequest(slot, scattered(next + slot, connections));
    },
    run: () => {
      balancer.prefetch(bytes, starts, WINDOW);
      for (let slot = 0; slot < WINDOW; slot++) expectVerdict(known.translate(slot, 1), BalanceVerdict.ToBackend);
    },
    check: () => {
      cell.prepare();
      for (let slot = 0; slot < WINDOW; slot++) {
        expectVerdict(known.translate(slot, 1), BalanceVerdict.ToBackend);
        if (known.backendIn() !== known.backends[scattered(next + slot, connections)]) {
          throw new Error('a packet was not sent to the backend of its connection');
        }
      }
      if (balancer.table.size !== connections) throw new Error('connections are missing');
    },
  };
  return cell;
}

function queryOf(name: string): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  return Uint8Array.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, TYPE_A, 0, 1]);
}

/** The address of a service. */
function vipOf(service: number): string {
  return `10.1.${service >>> 8}.${service & 255}`;
}

/**
 * Answers queries for services' addresses, in random order.
 * @param services how many the server knows
 */
export function dnsCell(services: number): Cell {
  const names = new DnsNames();
  names.addNetwork({ id: 'n', name: 'my-network' });
  for (let i = 0; i < services; i++) {
    const service = { id: `s${i}`, name: `web${i}`, vip: parseIp(vipOf(i)) };
    const addresses = [parseIp(`10.2.${i >>> 8}.${i & 255}`)];
    names.set({ network: 'n', endpoint: `e${i}`, name: `web${i}.1.j41qw6u3cnhesobnnafym7p32`, addresses, service });
  }
  const client = new DnsClient(names, { networks: ['n'] });
  const resolver = new Resolver({ profile: DnsProfile.Current });
  const out = new Uint8Array(DNS_OUT_BYTES);
  const asked = Array.from({ length: WINDOW }, (_, i) => scattered(i, services));
  const queries = asked.map((service) => queryOf(`web${service}`));
  const answer = (i: number): number =>
    resolver.answer(client, queries[i], 0, queries[i].length, DnsTransport.Udp, out, 0);
  return {
    packets: WINDOW,
    prepare: () => undefined,
    run: () => {
      for (let i = 0; i < WINDOW; i++) if (answer(i) <= 0) throw new Error('a query was not answered');
    },
    check: () => {
      for (let i = 0; i < WINDOW; i++) {
        const end = answer(i);
        const address = out.subarray(end - 4, end).join('.');
        if (end <= 0 || address !== vipOf(asked[i])) throw new Error(`a query was answered with ${address}`);
      }
    },
  };
}
