/** Services and their tasks, from inspect dumps: where each task is, and how much of the selection it has. */
import { useMemo } from 'preact/hooks';
import type { AddressNames, SurveyReport } from '../../../../src/inspect/index.js';
import { formatAddress } from '../../../../src/overlay/internal.js';
import { byteText } from '../../../../src/text/quantity.js';
import { type Column, DataTable } from '../parts/data-table.js';
import type { MapEndpoint } from './map-contents.js';

interface TaskRow {
  readonly service: string;
  readonly task: string;
  readonly address: string;
  readonly vip: string;
  readonly network: string;
  readonly node: string;
  readonly vni: number | undefined;
  readonly bytes: number;
}

const COLUMNS: readonly Column<TaskRow>[] = [
  { title: 'Service', value: ({ service }) => service },
  { title: 'Task', value: ({ task }) => task },
  { title: 'Address', value: ({ address }) => address },
  { title: 'VIP', value: ({ vip }) => vip },
  { title: 'Network', value: ({ network }) => network },
  { title: 'Node', value: ({ node }) => node },
  { title: 'Bytes', value: ({ bytes }) => bytes, cell: ({ bytes }) => byteText(bytes), numeric: true },
];

interface ServicesTableProps {
  readonly survey: SurveyReport;
  readonly endpoints: readonly MapEndpoint[];
  readonly names: AddressNames;
  readonly pick: (term: string, add: boolean) => void;
}

export function ServicesTable({ endpoints, names, pick }: ServicesTableProps) {
  const rows = useMemo(() => taskRows(endpoints, names), [endpoints, names]);
  if (rows.length === 0) return null;
  return (
    <>
      <h3>Services and tasks</h3>
      <DataTable
        caption="Services and tasks"
        columns={COLUMNS}
        rows={rows}
        keyOf={({ service, task, address, network }) => `${service} ${task} ${address} ${network}`}
        sortedBy={6}
        onPick={({ address, vni }, add) =>
          pick(`${vni === undefined ? '' : `vni == ${vni} and `}inner.addr == ${address}`, add)
        }
      />
    </>
  );
}

function taskRows(endpoints: readonly MapEndpoint[], { topology }: AddressNames): TaskRow[] {
  const vnis = new Map(topology.networks.map(({ name, vni }) => [name, vni]));
  const bytes = new Map(endpoints.map((endpoint) => [`${endpoint.vni} ${endpoint.ip}`, endpoint.bytes]));
  return (topology.services?.records ?? []).flatMap(({ network, node, service, addresses, name }) => {
    if (service === undefined) return [];
    const vni = vnis.get(network);
    return addresses.map((address): TaskRow => {
      const text = formatAddress(address);
      return {
        service: service.name,
        task: name,
        address: text,
        vip: service.vip === undefined ? '' : formatAddress(service.vip),
        network,
        node,
        vni,
        bytes: bytes.get(`${vni ?? ''} ${text}`) ?? 0,
      };
    });
  });
}
