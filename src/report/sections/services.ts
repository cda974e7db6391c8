/** Services, and the load of their backends. */
import type { BackendReport, ServiceReport, ServiceTraffic, SurveyReport } from '../../inspect/index.js';
import { fillClass, type NetworkIndex } from '../../picture/internal.js';
import { byteText } from '../../text/quantity.js';
import { bar, dataTable, moreRows } from '../data-table.js';
import { type Markup, markup, NOTHING } from '../markup.js';
import { counted, percent } from '../quantities.js';
import { card, keyed, type Section } from './section.js';

const MAX_SERVICES = 12;
const MAX_BACKENDS = 12;
const MAX_IDLE = 20;
const MAX_PORTS = 6;

/** Whether any packet of a service is in the capture. */
function isActive({ packets, atVip, atPorts }: ServiceReport): boolean {
  return packets + atVip.packets + atPorts.packets > 0;
}

function trafficText({ connections, packets, bytes }: ServiceTraffic): string {
  return `${counted(connections, 'connection')}, ${counted(packets, 'packet')}, ${byteText(bytes)}`;
}

function front(what: string, traffic: ServiceTraffic): Markup {
  return traffic.packets === 0 ? NOTHING : markup`<li>${what}: ${trafficText(traffic)}</li>`;
}

function portsText(ports: readonly string[]): string {
  const rest = ports.length - MAX_PORTS;
  return `${ports.slice(0, MAX_PORTS).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function serviceCard(service: ServiceReport, index: NetworkIndex): Markup {
  const { name, network, vni, mode, vip, ports, atVip, atPorts, packets, backends } = service;
  const look = fillClass(index.get(vni));
  const address = mode === 'dnsrr' ? 'DNS round-robin' : vip === null ? 'no virtual IP' : `virtual IP ${vip}`;
  const most = backends.reduce((highest, one) => Math.max(highest, one.bytes), 0);
  const table = dataTable<BackendReport>({
    caption: `Load per backend of ${name ?? 'no service'}`,
    rest: 'backends with fewer bytes',
    most: MAX_BACKENDS,
    // Without any packet to a backend, the capture says nothing about them.
    rows: packets === 0 ? [] : [...backends].sort((one, other) => other.bytes - one.bytes),
    columns: [
      { heading: 'Backend', cell: (backend) => backend.name ?? 'unknown' },
      {
        heading: 'Share',
        kind: 'number',
        cell: ({ bytes }) => [percent(bytes, service.bytes), bar(bytes, most, look)],
        value: ({ share }) => share,
      },
      { heading: 'Bytes', kind: 'number', cell: ({ bytes }) => byteText(bytes), value: ({ bytes }) => bytes },
      { heading: 'Connections', kind: 'number', cell: ({ connections }) => connections },
      { heading: 'Packets', kind: 'number', cell: (backend) => backend.packets },
      { heading: 'Address', kind: 'code', cell: (backend) => backend.address },
      { heading: 'Node', optional: true, cell: ({ node }) => node ?? '' },
    ],
  });
  return markup`<article class="service"><h3>${name ?? 'No service'} <span class="quiet">on ${keyed(look, network)}</span></h3>
<ul class="facts"><li>${address}</li>${ports.length === 0 ? NOTHING : markup`<li>ports ${portsText(ports)}</li>`}${packets === 0 ? NOTHING : markup`<li>backends: ${trafficText(service)}</li>`}${front('clients at the virtual IP', atVip)}${front('clients at published ports', atPorts)}</ul>
${table}</article>
`;
}

function idleLine(services: readonly ServiceReport[]): Markup {
  const active = new Set(services.filter(isActive).map(({ name }) => name));
  const idle = [...new Set(services.flatMap(({ name }) => (name === null || active.has(name) ? [] : [name])))];
  if (idle.length === 0) return NOTHING;
  const rest = idle.length - MAX_IDLE;
  return markup`<p class="more">No packets of: ${idle.slice(0, MAX_IDLE).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}</p>
`;
}

/** The load of the services; undefined without a description of the network, or without services in it. */
export function servicesSection({ services }: SurveyReport, index: NetworkIndex): Section | undefined {
  if (services === null || services.length === 0) return undefined;
  const active = services.filter(isActive);
  const cards = active.slice(0, MAX_SERVICES).map((service) => serviceCard(service, index));
  return {
    id: 'services',
    title: 'Services',
    content: card(cards, moreRows(active.length - cards.length, 'services with fewer bytes'), idleLine(services)),
  };
}
