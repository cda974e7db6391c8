/** The overlay: a picture of its nodes, and tables of nodes, tunnels and endpoints. */
import type { SurveyReport } from '../../inspect/index.js';
import {
  byAddress,
  fillClass,
  NARROW_CLASS,
  type NetworkIndex,
  overlayMap,
  topologyFigure,
} from '../../picture/internal.js';
import { byteText } from '../../text/quantity.js';
import { bar, dataTable, folded } from '../data-table.js';
import { Markup, markup, type Part } from '../markup.js';
import { counted, grouped } from '../quantities.js';
import { card, keyed, type Section } from './section.js';

/** What the picture shows; the tables have more. */
const BOUNDS = { nodes: 32, links: 40 };
const WIDE = { id: 'overlay-wide', width: 940, maxHeight: 720, tips: 4, look: 'wide-only' };
const NARROW = { id: 'overlay-narrow', width: 560, maxHeight: 1100, tips: 0, look: `narrow-only ${NARROW_CLASS}` };
const MAX_VNIS = 8;

type Tunnel = SurveyReport['tunnels'][number];
type Endpoint = SurveyReport['endpoints'][number];

function vnisText(vnis: readonly number[]): string {
  const rest = vnis.length - MAX_VNIS;
  return `${vnis.slice(0, MAX_VNIS).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function size(bytes: number): Part {
  return bytes === 0 ? '' : byteText(bytes);
}

function tunnelTable(tunnels: readonly Tunnel[]): Markup {
  const sizeOf = ({ bytes, espBytes }: Tunnel): number => Math.max(bytes, espBytes);
  return dataTable<Tunnel>({
    caption: 'Tunnels: traffic from node to node',
    rest: 'tunnels with fewer bytes',
    rows: [...tunnels].sort((one, other) => sizeOf(other) - sizeOf(one)),
    columns: [
      { heading: 'From', kind: 'code', cell: ({ source }) => source },
      { heading: 'To', kind: 'code', cell: ({ destination }) => destination },
      { heading: 'Frames', kind: 'number', cell: ({ frames }) => frames },
      { heading: 'Bytes', kind: 'number', cell: ({ bytes }) => size(bytes), value: ({ bytes }) => bytes },
      {
        heading: 'ESP packets',
        kind: 'number',
        optional: true,
        cell: ({ espPackets: n }) => (n === 0 ? '' : grouped(n)),
      },
      {
        heading: 'ESP bytes',
        kind: 'number',
        optional: true,
        cell: ({ espBytes }) => size(espBytes),
        value: ({ espBytes }) => espBytes,
      },
      { heading: 'Networks', optional: true, cell: ({ vnis }) => vnisText(vnis) },
    ],
  });
}

function endpointTable(endpoints: readonly Endpoint[], index: NetworkIndex): Markup {
  const sizeOf = ({ sentBytes, receivedBytes }: Endpoint): number => sentBytes + receivedBytes;
  const sorted = [...endpoints].sort((one, other) => sizeOf(other) - sizeOf(one));
  const most = sorted.length === 0 ? 0 : sizeOf(sorted[0]);
  return dataTable<Endpoint>({
    caption: 'Endpoints',
    rest: 'endpoints with fewer bytes',
    rows: sorted,
    columns: [
      { heading: 'Address', kind: 'code', cell: ({ ip, mac }) => ip ?? mac },
      {
        heading: 'Name',
        optional: true,
        cell: ({ name, stale }) => [name ?? '', stale === true ? markup` <span class="tag">stale</span>` : ''],
      },
      {
        heading: 'Network',
        cell: ({ vni }) => keyed(fillClass(index.get(vni)), vni),
        value: ({ vni }) => vni,
      },
      { heading: 'MAC', kind: 'code', cell: ({ mac }) => mac },
      {
        heading: 'Node',
        kind: 'code',
        cell: ({ vtep, moves }) => [vtep, moves > 0 ? markup` <span class="tag">moved</span>` : ''],
      },
      {
        heading: 'Bytes',
        kind: 'number',
        cell: (row) => [byteText(sizeOf(row)), bar(sizeOf(row), most, fillClass(index.get(row.vni)))],
        value: sizeOf,
      },
      {
        heading: 'Sent',
        kind: 'number',
        cell: ({ sentBytes }) => byteText(sentBytes),
        value: ({ sentBytes }) => sentBytes,
      },
      {
        heading: 'Received',
        kind: 'number',
        cell: ({ receivedBytes }) => byteText(receivedBytes),
        value: ({ receivedBytes }) => receivedBytes,
      },
    ],
  });
}

interface NodeRow {
  readonly address: string;
  endpoints: number;
  sent: number;
  received: number;
}

/** The nodes: the ends of tunnels, and what endpoints are behind. */
export function nodesOf({ tunnels, endpoints }: SurveyReport): NodeRow[] {
  const rows = new Map<string, NodeRow>();
  const node = (address: string): NodeRow => {
    const row = rows.get(address) ?? { address, endpoints: 0, sent: 0, received: 0 };
    rows.set(address, row);
    return row;
  };
  for (const { source, destination, bytes, espBytes } of tunnels) {
    node(source).sent += Math.max(bytes, espBytes);
    node(destination).received += Math.max(bytes, espBytes);
  }
  for (const { vtep } of endpoints) node(vtep).endpoints++;
  return [...rows.values()].sort((one, other) => byAddress(one.address, other.address));
}

function nodeTable(rows: readonly NodeRow[]): Markup {
  return dataTable<NodeRow>({
    caption: 'Nodes',
    rest: 'nodes with fewer bytes',
    rows: [...rows].sort((one, other) => other.sent + other.received - one.sent - one.received),
    columns: [
      { heading: 'VTEP', kind: 'code', cell: ({ address }) => address },
      { heading: 'Endpoints', kind: 'number', cell: ({ endpoints }) => endpoints },
      { heading: 'Sent', kind: 'number', cell: ({ sent }) => byteText(sent), value: ({ sent }) => sent },
      {
        heading: 'Received',
        kind: 'number',
        cell: ({ received }) => byteText(received),
        value: ({ received }) => received,
      },
    ],
  });
}

/** Nodes, endpoints and the traffic between them; undefined for a capture without an overlay. */
export function overlaySection(survey: SurveyReport, index: NetworkIndex): Section | undefined {
  const map = overlayMap(survey, BOUNDS);
  if (map.nodes.length === 0) return undefined;
  const nodes = nodesOf(survey);
  return {
    id: 'overlay',
    title: 'Overlay',
    content: card(
      markup`<figure>${[WIDE, NARROW].map((how) => new Markup(topologyFigure(map, index, how)))}
<figcaption>Each box is a node with its endpoints; the width of a line grows with its bytes. Solid lines are encrypted, dashed ones clear.</figcaption></figure>
`,
      folded(counted(nodes.length, 'node'), nodeTable(nodes)),
      folded(counted(survey.tunnels.length, 'tunnel'), tunnelTable(survey.tunnels)),
      folded(counted(survey.endpoints.length, 'endpoint'), endpointTable(survey.endpoints, index)),
    ),
  };
}
