/** The conversations of a capture with the most bytes, as lines of text. */
import type { ConversationReport } from '../inspect/index.js';
import { byteText, rateText, secondsText } from '../text/quantity.js';
import { letters } from './letters.js';
import { element, textWidth } from './markup.js';
import type { Panel, PanelArea } from './sheet.js';
import { fillClass, Size } from './theme.js';
import type { NetworkIndex } from './network-colours.js';

const HEADING = 24;
const ROW = 42;
const DOT = 16;
const BETWEEN = ' · ';

/** Conversations with the most bytes: those inside overlays, or if there are none, all. */
export function topConversations(all: readonly ConversationReport[], most: number): ConversationReport[] {
  const inside = all.filter(({ vni }) => vni !== null);
  // Sorting is stable: of equal ones, the earlier comes first.
  return (inside.length > 0 ? inside : [...all]).sort((one, other) => other.bytes - one.bytes).slice(0, most);
}

function socket({ address, port }: ConversationReport['a'], withPort: boolean): string {
  if (port === null || !withPort) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Draws the conversations with the most bytes. */
export function conversationsPanel(
  all: readonly ConversationReport[],
  index: NetworkIndex,
  area: PanelArea,
  most: number,
): Panel {
  const shown = topConversations(all, most);
  const right = area.x + area.width;
  const rows = shown.map((conversation, i) => {
    const { vni, protocol, a, b, packets, bytes, durationSeconds, bitsPerSecond, retransmissions } = conversation;
    const y = area.y + HEADING + i * ROW;
    const size = byteText(bytes);
    const speed = bitsPerSecond === null ? [] : [rateText(bitsPerSecond)];
    const parts = [
      protocol,
      `${packets.toLocaleString('en-US')} packets`,
      ...(durationSeconds > 0 ? [secondsText(durationSeconds)] : []),
      ...speed,
      ...(retransmissions > 0 ? [`${retransmissions.toLocaleString('en-US')} retransmitted`] : []),
    ];
    const room = area.width - DOT;
    // What went wrong matters more than how many packets there were.
    while (parts.length > 2 && textWidth(parts.join(BETWEEN), Size.Small.wide) > room) parts.splice(1, 1);
    const colour = fillClass(vni === null ? undefined : index.get(vni));
    return element(
      'g',
      {},
      element('circle', { cx: area.x + 4.5, cy: y + 11, r: 4.5, class: colour }),
      letters(area.x + DOT, y + 15, `${socket(a, true)} → ${socket(b, true)}`, {
        size: Size.Body,
        room: room - 8 - textWidth(size, Size.Body.wide),
        narrow: '',
      }),
      letters(area.x + DOT, y + 15, '', { size: Size.Body, room, narrow: `${socket(a, false)} → ${socket(b, true)}` }),
      letters(right, y + 15, size, { size: Size.Body, look: 'end', narrow: '' }),
      letters(area.x + DOT, y + 32, parts.join(BETWEEN), {
        size: Size.Small,
        look: 'faint',
        room,
        narrow: [size, ...speed].join(BETWEEN),
        narrowY: y + 36,
      }),
    );
  });
  const heading = letters(area.x, area.y + 12, 'Top conversations', {
    size: Size.Heading,
    look: 'strong',
    narrowY: area.y + 14,
  });
  return { height: HEADING + rows.length * ROW, markup: [heading, ...rows] };
}
