/** Conversations and time series as plain data for JSON, which has no big integers. */
import { formatTime } from '../capture-clock.js';
import type { Conversation, ConversationSide } from './conversation.js';
import type { FlowAccounting } from './flow-accounting.js';
import type { FlowTable } from './flow-table.js';
import type { EspSeries, NetworkSeries, TrafficSeries } from './traffic-series.js';

const NANO = 1_000_000_000n;

/** A conversation with its start as text: ISO 8601 in UTC with nanoseconds; null if the capture has no times. */
export type ConversationReport = Omit<Conversation, 'startNanoseconds'> & { readonly startTime: string | null };

/** The conversations of a capture. */
export interface FlowReport {
  /** packets = inConversations + withoutIp + unreadable + strayFragments + unlisted. */
  readonly accounting: FlowAccounting;
  /** In the order of their first packets in the capture. */
  readonly conversations: readonly ConversationReport[];
}

/** Traffic per network over time. */
export interface TimeSeriesReport {
  /** Start of the first interval: ISO 8601, UTC, with nanoseconds. */
  readonly startTime: string;
  /** Length of each interval: 1 ms, doubled until the capture fits into 240 of them. */
  readonly intervalSeconds: number;
  readonly networks: readonly NetworkSeries[];
  /** ESP that wasn't decrypted, and whose networks aren't known; absent if there is none. */
  readonly esp?: EspSeries;
}

function timeText(nanoseconds: bigint): string {
  // Floor division, also before 1970.
  const fraction = ((nanoseconds % NANO) + NANO) % NANO;
  return formatTime(Number((nanoseconds - fraction) / NANO), Number(fraction));
}

function conversationReport({ startNanoseconds, ...rest }: Conversation): ConversationReport {
  return { ...rest, startTime: startNanoseconds === null ? null : timeText(startNanoseconds) };
}

/** Makes `JSON.stringify` write a conversation as in a report, instead of refusing its big integer. */
export function withJson(conversation: Conversation): Conversation {
  // Not enumerable: comparing and copying see only the data.
  return Object.defineProperty(conversation, 'toJSON', { value: () => conversationReport(conversation) });
}

/**
 * A flow table as plain data.
 * @param nameOf the name of an address in a network, if it has one
 */
export function flowReport(
  table: FlowTable,
  nameOf?: (vni: number | null, address: string) => string | undefined,
): FlowReport {
  const conversations = table.conversations().map(conversationReport);
  if (nameOf === undefined) return { accounting: table.accounting, conversations };
  const named = (vni: number | null, side: ConversationSide): ConversationSide => {
    const name = nameOf(vni, side.address);
    return name === undefined ? side : { ...side, name };
  };
  return {
    accounting: table.accounting,
    conversations: conversations.map((row) => ({ ...row, a: named(row.vni, row.a), b: named(row.vni, row.b) })),
  };
}

/** A time series as plain data; null if no packet had a time. */
export function timeSeriesReport(series: TrafficSeries): TimeSeriesReport | null {
  const report = series.report();
  if (report === undefined) return null;
  const { startNanoseconds, ...rest } = report;
  return { startTime: timeText(startNanoseconds), ...rest };
}
