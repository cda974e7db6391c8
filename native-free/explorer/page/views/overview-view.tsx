/** The overview: how much there is, what is wrong, and who takes part. */
import { useMemo } from 'preact/hooks';
import { dropReasonName, dropReasonText, Verdict } from '../../../../src/dataplane/index.js';
import { byteText, secondsText } from '../../../../src/text/quantity.js';
import type { Selection } from '../../filter/selection.js';
import type { CaptureIndex } from '../../index/capture-index.js';
import { type Column, DataTable } from '../parts/data-table.js';
import { networkRows, Swatch, useNetworkColours } from '../parts/network-swatch.js';
import { selectedSeconds } from '../state/selected-time.js';
import { dropTerm, nodeTerm, vniTerm, withTerm } from '../state/terms.js';
import type { ViewProps } from '../view-props.js';
import { awaitedText } from './awaited.js';
import { Findings } from './findings.js';
import { nodeName } from './map-contents.js';

interface NetworkRow {
  readonly vni: number;
  readonly packets: number;
  readonly bytes: number;
}

interface NodeRow {
  readonly address: string;
  readonly name: string;
  readonly sentPackets: number;
  readonly sentBytes: number;
  readonly receivedPackets: number;
  readonly receivedBytes: number;
}

export function OverviewView({ index, reports, isReading, selection, names, state, go }: ViewProps) {
  const colours = useNetworkColours(index);
  const pick = (term: string, add: boolean): void => go({ filter: add ? withTerm(state.filter, term) : term });
  const networks = useMemo(() => (selection === undefined ? [] : networkRows(index, selection)), [index, selection]);
  const nodes = useMemo(
    () =>
      selection === undefined
        ? []
        : nodeRows(index, selection).map((row) => ({
            ...row,
            name: nodeName(names, row.address),
          })),
    [index, selection, names],
  );
  const networkNames = useMemo(
    () => new Map(names?.topology.networks.map(({ vni, name }) => [vni, name]) ?? []),
    [names],
  );
  const networkColumns = useMemo(
    (): readonly Column<NetworkRow>[] => [
      {
        title: 'VNI',
        value: ({ vni }) => vni,
        cell: ({ vni }) => (
          <>
            <Swatch colours={colours} vni={vni} /> {vni} <span class="faint">{networkNames.get(vni)}</span>
          </>
        ),
      },
      { title: 'Packets', value: ({ packets }) => packets, numeric: true },
      { title: 'Bytes', value: ({ bytes }) => bytes, cell: ({ bytes }) => byteText(bytes), numeric: true },
    ],
    [colours, networkNames],
  );
  return (
    <>
      <Tiles index={index} selection={selection} />
      <section aria-labelledby="findings-title">
        <h2 id="findings-title">What is wrong</h2>
        {reports === undefined ? (
          <p class="empty">{awaitedText('Findings', isReading)}</p>
        ) : (
          <Findings doctor={reports.doctor} index={index} go={go} />
        )}
      </section>
      <div class="columns">
        <section aria-labelledby="networks-title">
          <h2 id="networks-title">Networks</h2>
          {networks.length === 0 ? (
            <p class="empty">{noNetworks(index, selection)}</p>
          ) : (
            <DataTable
              caption="Networks of the selected packets"
              columns={networkColumns}
              rows={networks}
              keyOf={({ vni }) => vni}
              sortedBy={2}
              onPick={({ vni }, add) => pick(vniTerm(vni), add)}
            />
          )}
        </section>
        <section aria-labelledby="nodes-title">
          <h2 id="nodes-title">Nodes</h2>
          {nodes.length === 0 ? (
            <p class="empty">No packet between nodes is selected.</p>
          ) : (
            <DataTable
              caption="Nodes of the selected packets"
              columns={NODE_COLUMNS}
              rows={nodes}
              keyOf={({ address }) => address}
              sortedBy={2}
              onPick={({ address }, add) => pick(nodeTerm(address), add)}
            />
          )}
        </section>
      </div>
      <section aria-labelledby="drops-title">
        <h2 id="drops-title">What was dropped, and why</h2>
        {selection === undefined || selection.totals.verdicts[Verdict.Dropped] === 0 ? (
          <p class="empty">
            None of the selected packets would be dropped. With the keys, packets of a wrong key or a replay show here.
          </p>
        ) : (
          <DataTable
            caption="Drop reasons of the selected packets"
            columns={DROP_COLUMNS}
            rows={dropRows(selection)}
            keyOf={({ reason }) => reason}
            sortedBy={1}
            onPick={({ reason }, add) => pick(dropTerm(reason), add)}
          />
        )}
      </section>
    </>
  );
}

const NODE_COLUMNS: readonly Column<NodeRow>[] = [
  { title: 'Node', value: ({ address, name }) => (name === '' ? address : `${name} (${address})`) },
  { title: 'Sent', value: ({ sentPackets }) => sentPackets, numeric: true },
  { title: 'Bytes', value: ({ sentBytes }) => sentBytes, cell: ({ sentBytes }) => byteText(sentBytes), numeric: true },
  { title: 'Received', value: ({ receivedPackets }) => receivedPackets, numeric: true },
  {
    title: 'Bytes received',
    value: ({ receivedBytes }) => receivedBytes,
    cell: ({ receivedBytes }) => byteText(receivedBytes),
    numeric: true,
  },
];

const DROP_COLUMNS: readonly Column<{ readonly reason: number; readonly packets: number }>[] = [
  { title: 'Reason', value: ({ reason }) => dropReasonName(reason) },
  { title: 'Packets', value: ({ packets }) => packets, numeric: true },
  { title: 'What it means', value: ({ reason }) => dropReasonText(reason) },
];

function dropRows({ totals: { reasons } }: Selection) {
  const rows: { reason: number; packets: number }[] = [];
  for (let reason = 1; reason < reasons.length; reason++) {
    if (reasons[reason] > 0) rows.push({ reason, packets: reasons[reason] });
  }
  return rows;
}

function nodeRows({ tables: { tunnels } }: CaptureIndex, { totals }: Selection): Omit<NodeRow, 'name'>[] {
  const rows = new Map<
    string,
    { sentPackets: number; sentBytes: number; receivedPackets: number; receivedBytes: number }
  >();
  const rowOf = (address: string) => {
    const known = rows.get(address);
    if (known !== undefined) return known;
    const row = { sentPackets: 0, sentBytes: 0, receivedPackets: 0, receivedBytes: 0 };
    rows.set(address, row);
    return row;
  };
  for (let id = 0; id < Math.min(tunnels.length, totals.tunnelPackets.length); id++) {
    const packets = totals.tunnelPackets[id];
    if (packets === 0) continue;
    const from = rowOf(tunnels[id].source);
    from.sentPackets += packets;
    from.sentBytes += totals.tunnelBytes[id];
    const to = rowOf(tunnels[id].destination);
    to.receivedPackets += packets;
    to.receivedBytes += totals.tunnelBytes[id];
  }
  return [...rows].map(([address, row]) => ({ address, ...row }));
}

/** Why there are no networks, and what would show them. */
function noNetworks({ packets, tables: { networks, sas } }: CaptureIndex, selection: Selection | undefined): string {
  if (packets === 0) return 'No packet has been read yet.';
  if (networks.length > 0) return 'No packet of a network is selected.';
  if (selection !== undefined && selection.totals.verdicts[Verdict.Esp] > 0) {
    return 'The networks are encrypted. Give the keys: drop or paste the output of ip xfrm state, or a key ring.';
  }
  if (sas.length > 0) return 'The networks are encrypted, and none of the keys opens their packets.';
  if (selection !== undefined && selection.totals.verdicts[Verdict.Dropped] > 0) {
    return 'No packet of a network gets through: all are dropped, for the reasons below.';
  }
  return 'No VXLAN. Record the interface between the nodes, not that of a container: udp port 4789 or esp.';
}

function Tiles({ index, selection }: { index: CaptureIndex; selection: Selection | undefined }) {
  const totals = selection?.totals;
  const tiles: readonly (readonly [title: string, value: string])[] = [
    ['packets', grouped(totals?.packets ?? index.packets)],
    ['on the wire', totals === undefined ? '…' : byteText(totals.bytes)],
    ['duration', totals === undefined ? '…' : durationText(index, selection)],
    ['with inner frames', totals === undefined ? '…' : grouped(totals.verdicts[Verdict.Frame])],
    ['encrypted, no key', totals === undefined ? '…' : grouped(totals.verdicts[Verdict.Esp])],
    ['other', totals === undefined ? '…' : grouped(totals.verdicts[Verdict.Other] + totals.verdicts[Verdict.Filtered])],
    ['held fragments', totals === undefined ? '…' : grouped(totals.verdicts[Verdict.Held])],
    ['dropped', totals === undefined ? '…' : grouped(totals.verdicts[Verdict.Dropped])],
  ];
  return (
    <dl class="figures">
      {tiles.map(([title, value]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function grouped(value: number): string {
  return value.toLocaleString('en');
}

function durationText(index: CaptureIndex, selection: Selection | undefined): string {
  const seconds = selection === undefined ? NaN : selectedSeconds(index, selection);
  return Number.isNaN(seconds) ? '–' : secondsText(seconds);
}
