/** The flows of the selected packets. */
import { useMemo } from 'preact/hooks';
import { byteText, secondsText } from '../../../../src/text/quantity.js';
import { type TableColumn } from '../../export/index.js';
import { type Column, DataTable } from '../parts/data-table.js';
import { Swatch, useNetworkColours } from '../parts/network-swatch.js';
import { SaveTable } from '../picture/save-buttons.js';
import { withTerm } from '../state/terms.js';
import type { ViewProps } from '../view-props.js';
import { type FlowRow, flowRows } from './flow-rows.js';

const SAVED: readonly TableColumn<FlowRow>[] = [
  { name: 'flow', value: ({ flow }) => flow },
  { name: 'vni', value: ({ vni }) => (vni < 0 ? null : vni) },
  { name: 'protocol', value: ({ protocol }) => protocol },
  { name: 'first', value: ({ first }) => first },
  { name: 'first_name', value: ({ firstName }) => firstName },
  { name: 'second', value: ({ second }) => second },
  { name: 'second_name', value: ({ secondName }) => secondName },
  { name: 'packets_sent', value: ({ packetsSent }) => packetsSent },
  { name: 'packets_received', value: ({ packetsReceived }) => packetsReceived },
  { name: 'bytes_sent', value: ({ bytesSent }) => bytesSent },
  { name: 'bytes_received', value: ({ bytesReceived }) => bytesReceived },
  { name: 'start_seconds', value: ({ start }) => numberOrNull(start) },
  { name: 'seconds', value: ({ seconds }) => numberOrNull(seconds) },
];

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

function Side({ address, name }: { readonly address: string; readonly name: string }) {
  if (name === '') return <>{address}</>;
  return (
    <>
      {name} <span class="faint">{address}</span>
    </>
  );
}

export function FlowsView({ index, selection, names, state, go }: ViewProps) {
  const colours = useNetworkColours(index);
  const { rows, more } = useMemo(
    () => (selection === undefined ? { rows: [], more: 0 } : flowRows(index, selection, names)),
    [selection, names],
  );
  const columns = useMemo(
    (): readonly Column<FlowRow>[] => [
      {
        title: 'From',
        value: ({ first, firstName }) => `${firstName} ${first}`,
        cell: ({ first, firstName }) => <Side address={first} name={firstName} />,
      },
      {
        title: 'To',
        value: ({ second, secondName }) => `${secondName} ${second}`,
        cell: ({ second, secondName }) => <Side address={second} name={secondName} />,
      },
      { title: 'Protocol', value: ({ protocol }) => protocol },
      {
        title: 'VNI',
        value: ({ vni }) => vni,
        cell: ({ vni }) =>
          vni < 0 ? (
            <span class="faint">none</span>
          ) : (
            <>
              <Swatch colours={colours} vni={vni} /> {vni}
            </>
          ),
      },
      { title: 'Sent', value: ({ packetsSent }) => packetsSent, numeric: true },
      { title: 'Received', value: ({ packetsReceived }) => packetsReceived, numeric: true },
      {
        title: 'Bytes',
        value: ({ bytesSent, bytesReceived }) => bytesSent + bytesReceived,
        cell: ({ bytesSent, bytesReceived }) => byteText(bytesSent + bytesReceived),
        numeric: true,
      },
      { title: 'Start', value: ({ start }) => start, cell: ({ start }) => timeText(start), numeric: true },
      { title: 'Duration', value: ({ seconds }) => seconds, cell: ({ seconds }) => timeText(seconds), numeric: true },
    ],
    [colours],
  );
  if (selection === undefined) return <p class="empty">The filter is running.</p>;
  if (rows.length === 0) {
    return (
      <p class="empty">
        {index.tables.flows.count === 0
          ? 'No flows: the capture has no IP that can be read. ESP shows its flows once its keys are given: drop or paste the output of ip xfrm state.'
          : 'None of the selected packets belongs to a flow. Clear the filter, or the time range.'}
      </p>
    );
  }
  return (
    <section aria-labelledby="flows-title">
      <div class="heading">
        <h2 id="flows-title">
          Flows <span class="faint">{(rows.length + more).toLocaleString('en')}</span>
        </h2>
        <SaveTable name="flows" columns={SAVED} rows={() => rows} />
      </div>
      {more > 0 && (
        <p class="faint">
          The {rows.length.toLocaleString('en')} busiest; a filter such as <code>vni == 4097</code> shows others.
        </p>
      )}
      <DataTable
        caption="Flows of the selected packets"
        columns={columns}
        rows={rows}
        keyOf={({ flow }) => flow}
        sortedBy={6}
        onPick={({ flow }, add) => {
          const term = `flow == ${flow}`;
          go({ filter: add ? withTerm(state.filter, term) : term });
        }}
      />
    </section>
  );
}

function timeText(seconds: number): string {
  return Number.isNaN(seconds) ? '–' : secondsText(seconds);
}
