/** What the swarm's nodes told each other: who joined, which endpoint appeared when. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { GossipEvent, GossipMember, GossipReport } from '../../../../src/inspect/index.js';
import { secondsText } from '../../../../src/text/quantity.js';
import { counted } from '../parts/counted.js';
import { type Column, DataTable } from '../parts/data-table.js';
import { useWidth } from '../parts/use-width.js';
import { SavePicture, SaveTable } from '../picture/save-buttons.js';
import { pixelOf, TimeAxis, type TimeScale } from '../picture/time-axis.js';
import { PacketProtocol } from '../../index/packet-columns.js';
import type { ViewProps } from '../view-props.js';
import { awaitedText } from './awaited.js';

const ROW = 26;
const AXIS = 26;
const WIDE = 640;
const NAMES = 180;
/** Most nodes and events that are drawn. */
const MAX_LANES = 60;
const MAX_DOTS = 3000;
/** Seconds around an event whose packets a click shows. */
const AROUND = 0.5;

/** What an event is about: its colour. */
const KINDS = {
  member: ['alive', 'join-cluster'],
  trouble: ['suspect', 'dead', 'left', 'leave-cluster'],
  network: ['join-network', 'leave-network'],
  entry: ['create', 'update', 'delete'],
} as const;
type Kind = keyof typeof KINDS;
const KIND_TEXT: Readonly<Record<Kind, string>> = {
  member: 'joined, alive',
  trouble: 'suspect, dead, left',
  network: 'networks of a node',
  entry: 'endpoints and peers',
};

function kindOf(event: string): Kind {
  const found = (Object.keys(KINDS) as Kind[]).find((kind) => (KINDS[kind] as readonly string[]).includes(event));
  return found ?? 'entry';
}

export function GossipView({ reports, isReading, index, go }: ViewProps) {
  if (reports === undefined) return <p class="empty">{awaitedText('Events', isReading)}</p>;
  const { gossip } = reports.survey;
  if (gossip === null || gossip.packets.total + gossip.streams.total === 0) {
    const isThere = index.parts.some(({ protocol, count }) =>
      protocol.subarray(0, count).includes(PacketProtocol.Gossip),
    );
    return (
      <p class="empty">
        {isThere
          ? 'The capture has gossip of the swarm (port 7946), encrypted. Give its keys: a file with the gossip keys of the swarm, one per line, as vtep inspect --keys takes it.'
          : 'No gossip. Record port 7946, TCP and UDP, beside the tunnels, to see who joined and which endpoint appeared when.'}
      </p>
    );
  }
  return (
    <section aria-labelledby="gossip-title">
      <h2 id="gossip-title">
        Gossip{' '}
        <span class="faint">
          {counted(gossip.packets.decrypted, 'packet')} and {counted(gossip.streams.decrypted, 'stream')} decrypted
          {gossip.undecryptable.length > 0 && `; ${gossip.undecryptable.length} nodes send what no key decrypts`}
        </span>
      </h2>
      <GossipPicture gossip={gossip} seconds={reports.survey.durationSeconds} go={go} />
      <Members gossip={gossip} />
      <Networks gossip={gossip} />
      <Events gossip={gossip} go={go} />
    </section>
  );
}

function around(go: ViewProps['go'], offset: number): void {
  go({ view: 'packets', filter: 'gossip', from: Math.max(0, offset - AROUND), to: offset + AROUND });
}

/** What people call the nodes, by their names in gossip. */
function hostsOf({ members }: GossipReport): Map<string, string> {
  return new Map(members.map(({ name, host, address }) => [name, host ?? address ?? name]));
}

interface PictureProps {
  readonly gossip: GossipReport;
  readonly seconds: number;
  readonly go: ViewProps['go'];
}

function GossipPicture({ gossip, seconds, go }: PictureProps) {
  const picture = useRef<SVGSVGElement>(null);
  const [host, width] = useWidth();
  const lanes = useMemo(() => {
    const names = new Map<string, { name: string; events: GossipEvent[] }>();
    const hosts = hostsOf(gossip);
    for (const event of gossip.events.slice(0, MAX_DOTS)) {
      if (event.offset === null) continue;
      const lane = names.get(event.node) ?? { name: hosts.get(event.node) ?? event.node, events: [] };
      lane.events.push(event);
      names.set(event.node, lane);
    }
    return [...names.values()].slice(0, MAX_LANES);
  }, [gossip]);
  if (lanes.length === 0) return <p class="empty">No events with a time.</p>;
  const isWide = width >= WIDE;
  const rowHeight = isWide ? ROW : ROW + 14;
  const scale: TimeScale = { from: 0, to: seconds, left: isWide ? NAMES : 10, right: width - 16 };
  const bottom = lanes.length * rowHeight + 4;
  return (
    <figure class="picture">
      <div class="heading">
        <figcaption class="legend">
          {(Object.keys(KINDS) as Kind[]).map((kind) => (
            <span key={kind}>
              <span class={`dot ${kind}`} aria-hidden="true" /> {KIND_TEXT[kind]}
            </span>
          ))}
        </figcaption>
        <SavePicture name="gossip" picture={picture} />
      </div>
      <div ref={host}>
        <svg
          ref={picture}
          width={width}
          height={bottom + AXIS}
          role="img"
          aria-label={`Events of ${lanes.length} nodes over ${secondsText(seconds)}; the table below lists them`}
        >
          <TimeAxis scale={scale} top={0} bottom={bottom} />
          {lanes.map(({ name, events }, i) => {
            const y = i * rowHeight + (isWide ? ROW / 2 : ROW / 2 + 14);
            return (
              <g key={name}>
                <text
                  x={isWide ? NAMES - 12 : scale.left}
                  y={isWide ? y + 4 : y - 10}
                  text-anchor={isWide ? 'end' : 'start'}
                >
                  {name.length > 24 ? `${name.slice(0, 23)}…` : name}
                </text>
                <line class="grid" x1={scale.left} x2={scale.right} y1={y} y2={y} />
                {events.map((event, k) => (
                  <circle
                    key={k}
                    class={`dot ${kindOf(event.event)}`}
                    cx={pixelOf(scale, event.offset ?? 0)}
                    cy={y}
                    r={4.5}
                    onClick={() => around(go, event.offset ?? 0)}
                  >
                    <title>{`${event.event}: ${event.text}`}</title>
                  </circle>
                ))}
              </g>
            );
          })}
        </svg>
      </div>
    </figure>
  );
}

const MEMBER_COLUMNS: readonly Column<GossipMember>[] = [
  { title: 'Node', value: ({ name, host }) => host ?? name },
  { title: 'Address', value: ({ address, port }) => (address === null ? '' : `${address}:${port}`) },
  { title: 'State', value: ({ state }) => state },
  { title: 'Incarnation', value: ({ incarnation }) => incarnation, numeric: true },
];

function Members({ gossip: { members } }: { readonly gossip: GossipReport }) {
  if (members.length === 0) return null;
  return (
    <>
      <h3>Members</h3>
      <DataTable
        caption="Members of the cluster"
        columns={MEMBER_COLUMNS}
        rows={members}
        keyOf={({ name }) => name}
        sortedBy={3}
      />
    </>
  );
}

type NetworkRow = GossipReport['networks'][number];

const NETWORK_COLUMNS: readonly Column<NetworkRow>[] = [
  { title: 'Network', value: ({ id, name }) => name ?? id },
  { title: 'Nodes', value: ({ nodes }) => nodes.length, numeric: true },
  { title: 'Left', value: ({ left }) => left.length, numeric: true },
  { title: 'Peers', value: ({ peers }) => peers, numeric: true },
  { title: 'Endpoints', value: ({ endpoints }) => endpoints, numeric: true },
];

function Networks({ gossip: { networks } }: { readonly gossip: GossipReport }) {
  if (networks.length === 0) return null;
  return (
    <>
      <h3>Networks</h3>
      <DataTable
        caption="Networks in gossip"
        columns={NETWORK_COLUMNS}
        rows={networks}
        keyOf={({ id }) => id}
        sortedBy={1}
      />
    </>
  );
}

function Events({ gossip, go }: { readonly gossip: GossipReport; readonly go: ViewProps['go'] }) {
  const [kind, setKind] = useState<Kind | ''>('');
  const events = useMemo(
    () =>
      gossip.events.map((event, i) => ({ ...event, i })).filter(({ event }) => kind === '' || kindOf(event) === kind),
    [gossip, kind],
  );
  const hosts = useMemo(() => hostsOf(gossip), [gossip]);
  const networks = useMemo(() => new Map(gossip.networks.map(({ id, name }) => [id, name ?? id])), [gossip]);
  type Row = (typeof events)[number];
  const columns: readonly Column<Row>[] = [
    {
      title: 'Time',
      value: ({ offset }) => offset ?? -1,
      cell: ({ offset }) => (offset === null ? '–' : secondsText(offset)),
    },
    { title: 'Event', value: ({ event }) => event },
    { title: 'Node', value: ({ node }) => hosts.get(node) ?? node },
    { title: 'What', value: ({ text }) => text },
    { title: 'Network', value: ({ network }) => (network === null ? '' : (networks.get(network) ?? network)) },
    { title: 'By', value: ({ via }) => via },
  ];
  return (
    <>
      <div class="heading">
        <h3>Events</h3>
        <label>
          Show{' '}
          <select value={kind} onChange={({ currentTarget }) => setKind(currentTarget.value as Kind | '')}>
            <option value="">all</option>
            {(Object.keys(KINDS) as Kind[]).map((one) => (
              <option key={one} value={one}>
                {KIND_TEXT[one]}
              </option>
            ))}
          </select>
        </label>
        <SaveTable
          name="gossip"
          columns={[
            { name: 'time', value: ({ time }: Row) => time },
            { name: 'seconds', value: ({ offset }) => offset },
            { name: 'event', value: ({ event }) => event },
            { name: 'node', value: ({ node }) => node },
            { name: 'network', value: ({ network }) => network },
            { name: 'text', value: ({ text }) => text },
          ]}
          rows={() => events}
        />
      </div>
      <DataTable
        caption="Events of gossip"
        columns={columns}
        rows={events}
        keyOf={({ i }) => i}
        sortedBy={0}
        ascending
        onPick={({ offset }) => {
          if (offset !== null) around(go, offset);
        }}
      />
    </>
  );
}
