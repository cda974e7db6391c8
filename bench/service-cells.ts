/** Cells of services: the load balancer's translation, and answers of the DNS server. */
import { parseIp } from '../src/overlay/index.js';
import {
  BALANCE_HEADROOM,
  BalanceVerdict,
  DnsClient,
  DnsNames,
  DnsProfile,
  DnsTransport,
  LoadBalancer,
  Resolver,
} from '../src/service/index.js';
import { formatIpv4, writeIpv4 } from '../src/wire/index.js';
import type { Cell } from './cell.js';
import { WINDOW } from './window.js';

const FRAME = 64;
/** Distance of frames in memory, as in an arena with small slots. */
const SLOT = 128;
const VIP = 0x0a000902;
const LOCAL = 0x0a000907;
const TCP = 6;
const BACKENDS = 64;
const SYN = 0x02;
const ACK = 0x10;
const SYN_ACK = SYN | ACK;
const DNS_OUT_BYTES = 512;
const TYPE_A = 1;

/** Indices below `count` in pseudo-random order. */
function scattered(i: number, count: number): number {
  return (Math.imul(i, 0x9e3779b1) >>> 0) % count;
}

/** Frames to the balancer, in slots. */
class Frames {
  readonly bytes = new Uint8Array(WINDOW * SLOT);
  readonly starts = Int32Array.from({ length: WINDOW }, (_, slot) => slot * SLOT + BALANCE_HEADROOM);
  readonly view = new DataView(this.bytes.buffer);

  /** Writes a TCP segment. Its checksum doesn't matter to the balancer. */
  write(slot: number, source: number, destination: number, ports: number, flags: number): void {
    const { bytes, view, starts } = this;
    const start = starts[slot];
    view.setInt32(start, 0x02420a00);
    view.setInt32(start + 4, 0x09070242);
    view.setInt32(start + 8, source);
    view.setUint16(start + 12, 0x0800);
    writeIpv4(bytes, start + 14, 0, FRAME - 14, 0x4000, 64, TCP, source, destination);
    view.setInt32(start + 34, ports);
    view.setInt32(start + 46, 0x50000000 | (flags << 16) | 1000);
    view.setInt32(start + 50, 0x12340000);
  }
}

const clientOf = (connection: number): number => 0x0a010000 + (connection >>> 5);
const portsOf = (connection: number): number => ((1024 + (connection & 31) * 1777) << 16) | 80;

function expectVerdict(verdict: number, wanted: number): void {
  if (verdict !== wanted) throw new Error(`the balancer's verdict is ${verdict} instead of ${wanted}`);
}

/**
 * Translates segments of known TCP connections to their backends, in random order.
 * @param connections how many the balancer knows
 */
export function balanceCell(connections: number): Cell {
  const frames = new Frames();
  const { bytes, view, starts } = frames;
  const balancer = new LoadBalancer({ back: { address: '10.0.9.7' }, maxConnections: connections });
  const web = balancer.addService({ name: 'web', vip: '10.0.9.2' });
  for (let i = 0; i < BACKENDS; i++) {
    balancer.addBackend(web, { address: formatIpv4(Uint8Array.of(10, 2, 0, i + 1)) });
  }
  const backends = new Int32Array(connections);
  const translate = (slot: number): number => balancer.translate(bytes, starts[slot], starts[slot] + FRAME, 1);
  for (let i = 0; i < connections; i++) {
    frames.write(0, clientOf(i), VIP, portsOf(i), SYN);
    expectVerdict(translate(0), BalanceVerdict.ToBackend);
    backends[i] = view.getInt32(balancer.start + 30);
    frames.write(0, backends[i], LOCAL, (80 << 16) | view.getUint16(balancer.start + 34), SYN_ACK);
    expectVerdict(translate(0), BalanceVerdict.ToClient);
    frames.write(0, clientOf(i), VIP, portsOf(i), ACK);
    expectVerdict(translate(0), BalanceVerdict.ToBackend);
  }
  let next = 0;
  const cell: Cell = {
    packets: WINDOW,
    prepare: () => {
      next = (next + 7919) % connections;
      for (let slot = 0; slot < WINDOW; slot++) {
        const connection = scattered(next + slot, connections);
        frames.write(slot, clientOf(connection), VIP, portsOf(connection), ACK);
      }
    },
    run: () => {
      balancer.prefetch(bytes, starts, WINDOW);
      for (let slot = 0; slot < WINDOW; slot++) expectVerdict(translate(slot), BalanceVerdict.ToBackend);
    },
    check: () => {
      cell.prepare();
      for (let slot = 0; slot < WINDOW; slot++) {
        const connection = scattered(next + slot, connections);
        expectVerdict(translate(slot), BalanceVerdict.ToBackend);
        if (view.getInt32(balancer.start + 30) !== backends[connection]) {
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
