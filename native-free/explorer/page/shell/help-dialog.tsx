/** The keys, and what the views show. */
import { Dialog } from '../parts/dialog.js';

const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ['1 – 7', 'Overview, Map, Timeline, Flows, Packets, Keys, Gossip'],
  ['/', 'Go to the filter'],
  ['Enter', 'In the filter: apply it. In a list: open the row'],
  ['↑ ↓', 'In the filter: choose a completion, which Enter or Tab takes'],
  ['← → Home End', 'On the tabs: change the view'],
  ['↑ ↓ PgUp PgDn Home End', 'In the packets: move. Enter opens the detail, Esc closes it'],
  ['← →', 'In a packet’s tree: close and open a layer'],
  ['Alt ←', 'Back: undoes the last change of what is shown'],
  ['o', 'Open files'],
  ['?', 'This help'],
];

const VIEWS: readonly (readonly [view: string, what: string])[] = [
  ['Overview', 'What is in the captures, what is wrong, and what to do about it'],
  ['Map', 'Nodes, the tunnels between them, networks and endpoints, by traffic'],
  ['Timeline', 'Throughput by network. Drag to choose a time range'],
  ['Flows', 'Who talks to whom inside the networks'],
  ['Packets', 'Each packet with its outer and inner addresses, and its bytes'],
  ['Keys', 'SAs over time and their rotation'],
  ['Gossip', 'Who joined, and which endpoint appeared when'],
];

export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Help" onClose={onClose}>
      <p>
        A click on a network, node, flow or packet in any view filters all of them. Shift and click adds to the filter.
        Back undoes it. Nothing leaves this machine: the page’s policy forbids every request.
      </p>
      <h3>Keys</h3>
      <dl class="keys-list">
        {KEYS.map(([keys, what]) => (
          <div>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <h3>Views</h3>
      <dl class="keys-list">
        {VIEWS.map(([view, what]) => (
          <div>
            <dt>{view}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
