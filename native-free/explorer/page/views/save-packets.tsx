/** Saves the selected packets: as captured, the frames in them, or their rows. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { plainMessage } from '../../../../src/text/plain-text.js';
import { csvText, packetsAsPcapng, type TableColumn } from '../../export/index.js';
import type { Selection } from '../../filter/index.js';
import type { CaptureIndex } from '../../index/index.js';
import { saveFile } from '../picture/save.js';
import type { PacketDetails } from '../state/packet-details.js';
import { type PacketRow, packetRow } from '../state/packet-row.js';
import { turnsOf } from '../state/turns.js';

/** Most bytes that are saved, since the browser gets the file in one. */
const MAX_BYTES = 512e6;
/** Most rows of a table. */
const MAX_ROWS = 1_000_000;

const COLUMNS: readonly TableColumn<PacketRow>[] = [
  { name: 'number', value: ({ number }) => number },
  { name: 'time', value: ({ time }) => (time === '' ? null : Number(time)) },
  { name: 'outer source', value: ({ outerSource }) => outerSource },
  { name: 'outer destination', value: ({ outerDestination }) => outerDestination },
  { name: 'vni', value: ({ vni }) => (vni === '' ? null : Number(vni)) },
  { name: 'inner source', value: ({ innerSource }) => innerSource },
  { name: 'inner destination', value: ({ innerDestination }) => innerDestination },
  { name: 'protocol', value: ({ protocol }) => protocol },
  { name: 'bytes', value: ({ length }) => length },
  { name: 'esp', value: ({ esp }) => esp },
  { name: 'flags', value: ({ flags, special }) => [flags, ...special].join(' ').trim() },
  { name: 'drop reason', value: ({ reason }) => reason },
];

interface SavePacketsProps {
  readonly index: CaptureIndex;
  readonly selection: Selection;
  readonly details: PacketDetails;
}

export function SavePackets({ index, selection, details }: SavePacketsProps) {
  const [said, setSaid] = useState('');
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const rows = selection.rows.subarray(0, selection.count);

  const save = async (inner: boolean): Promise<void> => {
    running.current?.abort();
    const { signal } = (running.current = new AbortController());
    const turn = turnsOf(signal);
    try {
      const file = await packetsAsPcapng(index, details.reader, rows, {
        ...details.options,
        inner,
        turn: async (done) => {
          setSaid(`${Math.floor((100 * done) / rows.length)} %`);
          await turn();
        },
      });
      saveFile(inner ? 'inner.pcapng' : 'selected.pcapng', 'application/octet-stream', file.pieces);
      const skipped = file.skipped === 0 ? '' : `, ${file.skipped.toLocaleString('en')} without a frame`;
      setSaid(`${file.written.toLocaleString('en')} saved${skipped}`);
    } catch (error) {
      if (signal.aborted) return;
      setSaid(error instanceof Error ? plainMessage(error.message) : 'not saved');
    }
  };
  const saveRows = (): void => {
    const shown = Array.from(rows.subarray(0, MAX_ROWS), (packet) => packetRow(index, packet));
    saveFile('packets.csv', 'text/csv', [csvText(COLUMNS, shown)]);
    setSaid(`${shown.length.toLocaleString('en')} rows saved`);
  };
  const isTooLarge = selection.totals.bytes > MAX_BYTES;
  const reason = isTooLarge ? 'More than 512 MB: filter first' : undefined;
  return (
    <p class="save-packets" role="group" aria-label="Save the selected packets">
      <span class="faint">Save {selection.count.toLocaleString('en')} packets:</span>
      <button disabled={isTooLarge} title={reason} onClick={() => void save(false)}>
        pcapng
      </button>
      <button disabled={isTooLarge} title={reason} onClick={() => void save(true)}>
        Inner frames
      </button>
      <button onClick={saveRows}>CSV</button>
      <span role="status" class="faint">
        {said}
      </span>
    </p>
  );
}
