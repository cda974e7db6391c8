/** The conversations with the most bytes. */
import type { ConversationReport, SurveyReport } from '../../inspect/index.js';
import { fillClass, type NetworkIndex } from '../../picture/internal.js';
import { byteText, rateText, secondsText } from '../../text/quantity.js';
import { bar, dataTable } from '../data-table.js';
import { markup, NOTHING } from '../markup.js';
import { counted, grouped, socketText } from '../quantities.js';
import { card, keyed, type Section } from './section.js';

/** What a page is read for most. */
const MAX_CONVERSATIONS = 100;

function count(value: number): string {
  return value === 0 ? '' : grouped(value);
}

/** Who talks to whom; undefined if the survey didn't list conversations, or found none. */
export function conversationsSection({ flows }: SurveyReport, index: NetworkIndex): Section | undefined {
  const all = flows?.conversations ?? [];
  if (flows === null || all.length === 0) return undefined;
  const inside = all.filter(({ vni }) => vni !== null);
  const rows = (inside.length > 0 ? inside : [...all]).sort((one, other) => other.bytes - one.bytes);
  const most = rows[0].bytes;
  const outside = all.length - rows.length;
  const table = dataTable<ConversationReport>({
    id: 'conversations-table',
    caption: 'Conversations with the most bytes',
    rest: 'conversations with fewer bytes',
    most: MAX_CONVERSATIONS,
    rows,
    columns: [
      {
        heading: 'Conversation',
        kind: 'code',
        cell: ({ a, b }) => markup`${socketText(a)} <span class="to">→ ${socketText(b)}</span>`,
      },
      {
        heading: 'Bytes',
        kind: 'number',
        cell: ({ bytes, vni }) => [
          byteText(bytes),
          bar(bytes, most, fillClass(vni === null ? undefined : index.get(vni))),
        ],
        value: ({ bytes }) => bytes,
      },
      { heading: 'Packets', kind: 'number', cell: ({ packets }) => packets },
      {
        heading: 'Rate',
        kind: 'number',
        optional: true,
        cell: ({ bitsPerSecond }) => (bitsPerSecond === null ? '' : rateText(bitsPerSecond)),
        value: ({ bitsPerSecond }) => bitsPerSecond,
      },
      {
        heading: 'Duration',
        kind: 'number',
        optional: true,
        cell: ({ startTime, durationSeconds }) => (startTime === null ? '' : secondsText(durationSeconds)),
        value: ({ durationSeconds }) => durationSeconds,
      },
      {
        heading: 'RTT',
        kind: 'number',
        optional: true,
        cell: ({ rttSeconds }) => (rttSeconds === null ? '' : secondsText(rttSeconds)),
        value: ({ rttSeconds }) => rttSeconds,
      },
      {
        heading: 'Retransmitted',
        kind: 'number',
        optional: true,
        cell: ({ retransmissions }) => count(retransmissions),
      },
      { heading: 'Resets', kind: 'number', optional: true, cell: ({ resets }) => count(resets) },
      { heading: 'Zero windows', kind: 'number', optional: true, cell: ({ zeroWindows }) => count(zeroWindows) },
      {
        heading: 'Network',
        optional: true,
        cell: ({ vni }) => (vni === null ? '' : keyed(fillClass(index.get(vni)), vni)),
        value: ({ vni }) => vni,
      },
      { heading: 'Protocol', cell: ({ protocol, protocolNumber: n }) => (protocol === 'other' ? `IP ${n}` : protocol) },
    ],
  });
  const others =
    outside === 0
      ? NOTHING
      : markup`<p class="more">Outside the overlays: ${counted(outside, 'conversation')}.</p>
`;
  return { id: 'conversations', title: 'Conversations', content: card(table, others) };
}
