/** What `inject` says that it did: words for people, an object for programs. */
import type { Injection } from '../live/index.js';
import { grouped } from './table.js';
import { say } from './text-output.js';

/** The sums of an injection: read = sent + refused + unsent + truncated + foreign. */
export interface InjectSums extends Injection {
  readonly file: string;
  readonly device: string;
  /** Packets that were read, all rounds together. */
  readonly read: number;
  /** Packets of which the capture holds only a part. */
  readonly truncated: number;
  /** Packets that are no Ethernet frames. */
  readonly foreign: number;
  /** Rounds that were begun. */
  readonly rounds: number;
  /** Whether a signal ended it. */
  readonly stopped: boolean;
  readonly damage: string | undefined;
}

/** The rates that were reached up to where the last packet began; 0 where there is no such time. */
function rates({ packets, bytes, seconds }: InjectSums): { packetsPerSecond: number; megabitsPerSecond: number } {
  if (seconds === 0) return { packetsPerSecond: 0, megabitsPerSecond: 0 };
  const gaps = Math.max(0, packets - 1);
  const mean = packets === 0 ? 0 : bytes / packets;
  return { packetsPerSecond: gaps / seconds, megabitsPerSecond: (gaps * mean * 8) / seconds / 1e6 };
}

/** Says the sums, on standard error. */
export function sayInject(sums: InjectSums): void {
  const { file, device, packets, bytes, seconds, worstLate, refused, unsent, truncated, foreign, rounds } = sums;
  const { packetsPerSecond, megabitsPerSecond } = rates(sums);
  say(`${file} -> ${device}: ${grouped(packets)} packets, ${grouped(bytes)} bytes in ${seconds.toFixed(3)} s`);
  if (seconds > 0) {
    const late = worstLate === 0 ? '' : `, ${(worstLate * 1000).toFixed(3)} ms late at the worst`;
    say(`  ${grouped(Math.round(packetsPerSecond))} packets/s, ${megabitsPerSecond.toFixed(3)} Mbit/s${late}`);
  }
  const others: [number, string][] = [
    ...Object.entries(refused).map(([words, count]): [number, string] => [count, `refused by the system: ${words}`]),
    [truncated, 'passed over: the capture holds only a part of them'],
    [foreign, 'passed over: no Ethernet frames'],
    [unsent, sums.stopped ? 'not sent: stopped by a signal' : 'not sent'],
  ];
  for (const [count, words] of others) if (count > 0) say(`  ${grouped(count)} ${words}`);
  const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
  const round = rounds === 1 ? '' : ` in ${grouped(rounds)} rounds`;
  say(
    `  ${grouped(sums.read)} packets read${round} = ${grouped(packets)} sent + ${grouped(refusals)} refused + ` +
      `${grouped(truncated + foreign)} passed over + ${grouped(unsent)} not sent`,
  );
}

/** The object of `--json`. */
export function injectReport(sums: InjectSums): object {
  const { packets, worstLate, failure, damage, ...rest } = sums;
  return {
    ...rest,
    sent: packets,
    ...rates(sums),
    worstLateSeconds: worstLate,
    failure: failure ?? null,
    damage: damage ?? null,
  };
}
