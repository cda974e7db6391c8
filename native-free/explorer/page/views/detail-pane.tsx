/** The open packet: its layers, its bytes, and why it was dropped. */
import { useEffect, useState } from 'preact/hooks';
import { formatSpi } from '../../../../src/ipsec/index.js';
import { plainMessage } from '../../../../src/text/plain-text.js';
import { NO_FLOW, FLOW_REVERSED } from '../../index/packet-columns.js';
import type { PacketDetail, PacketNode } from '../../detail/index.js';
import type { PacketDetails } from '../state/packet-details.js';
import { packetRow } from '../state/packet-row.js';
import { nodeTerm, vniTerm, withTerm } from '../state/terms.js';
import type { ViewProps } from '../view-props.js';
import { HexView } from './hex-view.js';
import { LayerTree, nodeAt } from './layer-tree.js';

interface DetailPaneProps extends ViewProps {
  readonly details: PacketDetails;
  /** From 0. */
  readonly packet: number;
  readonly onClose: () => void;
}

export function DetailPane({ index, details, packet, state, go, onClose }: DetailPaneProps) {
  const [detail, setDetail] = useState<PacketDetail>();
  const [problem, setProblem] = useState('');
  const [marked, setMarked] = useState<PacketNode>();
  const [source, setSource] = useState(0);
  useEffect(() => {
    let isGone = false;
    details.detail(packet).then(
      (found) => {
        if (isGone) return;
        setDetail(found);
        setProblem('');
        setMarked(undefined);
        setSource((before) => Math.min(before, found.buffers.length - 1));
      },
      (error: unknown) => {
        if (isGone) return;
        setDetail(undefined);
        setProblem(error instanceof Error ? plainMessage(error.message) : 'it can’t be read');
      },
    );
    return () => {
      isGone = true;
    };
  }, [details.keys, details.origin, packet]);

  const row = packetRow(index, packet);
  const mark = (node: PacketNode | undefined): void => {
    setMarked(node);
    if (node !== undefined) setSource(node.buffer);
  };
  return (
    <section
      class="detail"
      aria-label={`Packet ${row.number}`}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.preventDefault();
        onClose();
      }}
    >
      <div class="detail-head">
        <h2>Packet {row.number.toLocaleString('en')}</h2>
        <p class="terms">
          {[...termsOf(index, packet), ...termOf(marked)].map(([what, term]) => (
            <button
              key={term}
              class="term"
              title={term}
              onClick={({ shiftKey, ctrlKey }) =>
                go({ filter: shiftKey || ctrlKey ? withTerm(state.filter, term) : term })
              }
            >
              Filter {what}
            </button>
          ))}
        </p>
        <button onClick={onClose} aria-label="Close the packet">
          ✕
        </button>
      </div>
      {row.reason !== '' && (
        <p class="dropped-why">
          <span class="badge error">dropped</span> <b>{row.reason}</b>: {row.reasonText}
        </p>
      )}
      {problem !== '' && <p class="empty">This packet can’t be shown: {problem}</p>}
      {detail !== undefined && (
        <div class="detail-parts">
          <LayerTree nodes={detail.layers} marked={marked} onMark={mark} />
          <div class="bytes">
            {detail.buffers.length > 1 && (
              <div class="sources" role="group" aria-label="Bytes">
                {detail.buffers.map(({ name }, i) => (
                  <button key={name} aria-pressed={i === source} onClick={() => setSource(i)}>
                    {name}
                  </button>
                ))}
              </div>
            )}
            {source < detail.buffers.length && (
              <HexView
                source={detail.buffers[source]}
                marked={marked?.buffer === source ? marked : undefined}
                onMark={(at) => mark(nodeAt(detail.layers, source, at))}
              />
            )}
          </div>
        </div>
      )}
    </section>
  );
}

/** The filter for a field. */
function termOf(node: PacketNode | undefined): readonly (readonly [string, string])[] {
  return node?.filter === undefined ? [] : [[node.label, node.filter]];
}

/** Filters for what the packet belongs to. */
function termsOf({ parts, tables }: ViewProps['index'], packet: number): readonly (readonly [string, string])[] {
  const part = parts[packet >>> 16];
  const row = packet & 0xffff;
  const terms: (readonly [string, string])[] = [];
  const [network, tunnel, sa, flow] = [part.network[row], part.tunnel[row], part.sa[row], part.flow[row]];
  if (network < tables.networks.length) terms.push(['network', vniTerm(tables.networks[network])]);
  if (flow !== NO_FLOW) terms.push(['flow', `flow == ${flow & ~FLOW_REVERSED}`]);
  if (tunnel < tables.tunnels.length) {
    terms.push(['tunnel', `tunnel == ${tunnel}`]);
    terms.push(['node', nodeTerm(tables.tunnels[tunnel].source)]);
  }
  if (sa < tables.sas.length) terms.push(['SPI', `esp.spi == ${formatSpi(tables.sas[sa].spi)}`]);
  return terms;
}
