/** The packets, and the one that is open. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ExplorerState } from '../state/explorer-state.js';
import type { PacketDetails } from '../state/packet-details.js';
import { rowAtOrAfter } from '../state/selected-time.js';
import type { ViewProps } from '../view-props.js';
import { DetailPane } from './detail-pane.js';
import { PacketList } from './packet-list.js';
import { SavePackets } from './save-packets.js';

interface PacketsViewProps extends ViewProps {
  readonly details: PacketDetails;
  /** Changes what is shown without a step for Back. */
  readonly replace: (changes: Partial<ExplorerState>) => void;
}

export function PacketsView(props: PacketsViewProps) {
  const { index, selection, state, go, replace, details } = props;
  // The packet that the keys move from. It stays when the selection changes, if it is still selected.
  const [current, setCurrent] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // A link, Back or a finding has opened a packet.
    if (state.packet !== undefined) setCurrent(state.packet - 1);
  }, [state.packet]);
  const cursor = useMemo(
    () => (selection === undefined ? undefined : Math.min(rowAtOrAfter(selection, current), selection.count - 1)),
    [selection, current],
  );

  if (selection !== undefined && selection.count === 0) {
    return (
      <div class="empty">
        <p>No packet matches.</p>
        <p>
          <button onClick={() => go({ filter: '', from: undefined, to: undefined })}>Show all packets</button>
        </p>
      </div>
    );
  }
  const isOpen = state.packet !== undefined && state.packet <= index.packets;
  const close = (): void => {
    go({ packet: undefined });
    list.current?.focus();
  };
  return (
    <div class={`packets ${isOpen ? 'with-detail' : ''}`}>
      {selection !== undefined && <SavePackets index={index} selection={selection} details={details} />}
      <PacketList
        focusRef={list}
        index={index}
        selection={selection}
        details={details}
        cursor={cursor}
        open={state.packet}
        onMove={(packet) => {
          setCurrent(packet);
          if (isOpen) replace({ packet: packet + 1 });
        }}
        onOpen={(packet) => {
          setCurrent(packet);
          if (isOpen) replace({ packet: packet + 1 });
          else go({ packet: packet + 1 });
        }}
        onClose={() => {
          if (isOpen) close();
        }}
      />
      {isOpen && <DetailPane {...props} details={details} packet={state.packet - 1} onClose={close} />}
    </div>
  );
}
