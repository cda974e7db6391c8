/** The report of `inject`, as text or JSON. */
import type { Injection } from '../../live/index.js';
import { grouped } from '../table.js';
import { say } from '../text-output.js';

/** The totals of an injection: read = sent + refused + unsent + truncated + foreign. */
export interface InjectTotals extends Injection {
  readonly file: string;
  readonly device: string;
  /** Packets read, over all rounds. */
  readonly read: number;
  /** Packets that the capture truncated. */
  readonly truncated: number;
  /** Packets that aren't Ethernet frames. */
  readonly foreign: number;
  /** Rounds started. */
  readonly rounds: number;
  /** Whether a signal stopped it. */
  readonly stopped: boolean;
  /** Damage of the capture, after the packets that were sent. */
  readonly damage: { readonly code: string; readonly message: string } | undefined;
}

/** The rates achieved up to the start of the last packet; 0 if no time passed. */
function rates({ packets, bytes, seconds }: InjectTotals): { packetsPerSecond: number; megabitsPerSecond: number } {
  if (seconds === 0) return { packetsPerSecond: 0, megabitsPerSecond: 0 };
  const gaps = Math.max(0, packets - 1);
  const mean = packets === 0 ? 0 : bytes / packets;
  return { packetsPerSecond: gaps / seconds, megabitsPerSecond: (gaps * mean * 8) / seconds / 1e6 };
}

/** Prints the totals on standard error. */
export function sayInject(totals: InjectTotals): void {
  const { file, device, packets, bytes, seconds, worstLate, refused, unsent, truncated, foreign, rounds } = totals;
  const { packetsPerSecond, megabitsPerSecond } = rates(totals);
  say(`${file} -> ${device}: ${grouped(packets)} packets, ${grouped(bytes)} bytes in ${seconds.toFixed(3)} s`);
  if (seconds > 0) {
    const late = worstLate === 0 ? '' : `, at most ${(worstLate * 1000).toFixed(3)} ms late`;
    say(`  ${grouped(Math.round(packetsPerSecond))} packets/s, ${megabitsPerSecond.toFixed(3)} Mbit/s${late}`);
  }
  const others: [number, string][] = [
    ...Object.entries(refused).map(([reason, count]): [number, string] => [count, `refused by the system: ${reason}`]),
    [truncated, 'skipped: truncated by the capture'],
    [foreign, 'skipped: not Ethernet frames'],
    [unsent, totals.stopped ? 'not sent: stopped by a signal' : 'not sent'],
  ];
  for (const [count, words] of others) if (count > 0) say(`  ${grouped(count)} ${words}`, 'yellow');
  const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
  const round = rounds === 1 ? '' : ` in ${grouped(rounds)} rounds`;
  say(
    `  ${grouped(totals.read)} packets read${round} = ${grouped(packets)} sent + ${grouped(refusals)} refused + ` +
      `${grouped(truncated + foreign)} skipped + ${grouped(unsent)} not sent`,
  );
}

/** A number with so many decimals. */
function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}

/** The object of `--json`. */
export function injectReport(totals: InjectTotals): object {
  const { packetsPerSecond, megabitsPerSecond } = rates(totals);
  return {
    file: totals.file,
    device: totals.device,
    read: totals.read,
    sent: totals.packets,
    refused: totals.refused,
    truncated: totals.truncated,
    foreign: totals.foreign,
    unsent: totals.unsent,
    bytes: totals.bytes,
    seconds: rounded(totals.seconds, 6),
    packetsPerSecond: rounded(packetsPerSecond, 3),
    megabitsPerSecond: rounded(megabitsPerSecond, 6),
    worstLateSeconds: rounded(totals.worstLate, 6),
    rounds: totals.rounds,
    stopped: totals.stopped,
    failure: totals.failure ?? null,
    damage: totals.damage ?? null,
  };
}
