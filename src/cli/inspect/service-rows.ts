/** The table of services: each with its virtual IP and its sums, then what clients sent it, then its backends. */
import type { ServiceReport, ServiceTraffic } from '../../inspect/index.js';
import { addresses, type Cell, type Column, numbers, words } from '../table.js';

/** Its columns. */
export const SERVICE_COLUMNS: Column[] = [
  words('', { shorten: 'end', least: 24 }),
  addresses('address'),
  words('node', { shorten: 'end', least: 6, keep: 1, optional: true }),
  numbers('conns', { shorten: 'compact' }),
  numbers('packets', { shorten: 'compact', keep: 2 }),
  numbers('bytes', { shorten: 'compact' }),
  numbers('share', { keep: 3 }),
];

function trafficCells({ connections, packets, bytes }: ServiceTraffic): Cell[] {
  return [connections, packets, bytes];
}

/** Whether any packet of a service is in the capture. */
function isActive({ packets, atVip, atPorts }: ServiceReport): boolean {
  return packets + atVip.packets + atPorts.packets > 0;
}

function portsText(ports: readonly string[]): string {
  const [first = '', ...others] = ports.map((port) => port.split(':')[0]);
  return `port ${first}${others.length > 0 ? ` and ${others.length} more` : ''}`;
}

/** The rows of the services that the capture has packets of. */
export function serviceRows(services: readonly ServiceReport[]): Cell[][] {
  return services.filter(isActive).flatMap((service) => {
    const { name, network, mode, vip, ports, atVip, atPorts, packets } = service;
    // Without any packet to a backend, the capture says nothing about them.
    const backends = packets === 0 ? [] : service.backends;
    const address = mode === 'dnsrr' ? 'DNS round-robin' : vip === null ? '' : `${vip} VIP`;
    const front = (what: string, traffic: ServiceTraffic): Cell[][] =>
      traffic.packets === 0 ? [] : [[`  ${what}`, '', '', ...trafficCells(traffic), '']];
    return [
      [`${name ?? 'no service'} on ${network}`, address, '', ...trafficCells(service), ''],
      ...front('clients at the VIP', atVip),
      ...front(`clients at ${portsText(ports)}`, atPorts),
      ...backends.map((backend) => [
        `  ${backend.name ?? 'unknown'}`,
        backend.address,
        backend.node ?? '',
        ...trafficCells(backend),
        service.bytes === 0 ? '' : `${(backend.share * 100).toFixed(1)}%`,
      ]),
    ];
  });
}

/** A line that names the services without packets; undefined if there are none. */
export function idleServices(services: readonly ServiceReport[]): string | undefined {
  const active = new Set(services.filter(isActive).map(({ name }) => name));
  const idle = [...new Set(services.flatMap(({ name }) => (name === null || active.has(name) ? [] : [name])))];
  if (idle.length === 0) return undefined;
  const more = idle.length > 8 ? ` and ${idle.length - 8} more` : '';
  return `  No packets of: ${idle.slice(0, 8).join(', ')}${more}`;
}
