/** Plans the next rotations of a key ring. */
import type { RotationSchedule } from '../../overlay/index.js';

/** A planned rotation. */
export interface PlannedRotation {
  /** Seconds of the schedule's clock. */
  readonly time: number;
  readonly made: string;
  /** The key that transmits from this time. */
  readonly transmits: string;
  readonly dropped: string;
}

/** A key's life, in seconds of the schedule's clock; undefined if before its start. */
export interface KeyLife {
  readonly key: string;
  readonly receivedFrom?: number;
  readonly transmitsFrom?: number;
  readonly transmitsUntil?: number;
  readonly receivedUntil: number;
}

/** The next rotations, and the lives of all keys that are in the ring until the last of them. */
export interface RotationPlan {
  readonly rotations: readonly PlannedRotation[];
  readonly lives: readonly KeyLife[];
}

/**
 * Plans rotations, each exactly when due.
 * @param names names of the ring's keys, oldest first
 * @param transmit index of the key that transmits
 * @param start start of the schedule, in seconds of its clock
 * @param count number of rotations
 */
export function planRotations(
  names: readonly string[],
  transmit: number,
  schedule: RotationSchedule,
  start: number,
  count: number,
): RotationPlan {
  const size = names.length;
  const keys = [...names, ...Array.from({ length: count }, (_, i) => `next+${i + 1}`)];
  // The last key is dropped `size` rotations after it is made.
  const times = [start];
  for (let i = 0; i < count + size; i++) {
    times.push(schedule.next);
    schedule.rotated(schedule.next);
  }
  const rotations = times.slice(1, count + 1).map((time, i) => {
    return { time, made: keys[size + i], transmits: keys[i + 1 + transmit], dropped: keys[i] };
  });
  const lives = keys.map((key, i) => ({
    key,
    ...at('receivedFrom', times, i - size + 1),
    ...at('transmitsFrom', times, i - transmit),
    ...at('transmitsUntil', times, i - transmit + 1),
    receivedUntil: times[i + 1],
  }));
  return { rotations, lives };
}

function at(name: string, times: readonly number[], index: number): Record<string, number> {
  return index < 0 ? {} : { [name]: times[index] };
}

/** How long the sequence numbers of a key's SAs last. */
export interface SequenceOutlook {
  /** Packets per second from one node to another. */
  readonly rate: number;
  /** Bits of a sequence number: 32, or 64 with ESN. */
  readonly bits: 32 | 64;
  /** Seconds until they run out. */
  readonly seconds: number;
  /** Longest time that a key transmits, in seconds. */
  readonly longest: number;
  /** The first key whose sequence numbers run out, and when. */
  readonly runsOut?: { readonly key: string; readonly time: number };
}

/** Whether sequence numbers last until the next rotation, at a rate in packets per second. */
export function sequenceOutlook({ lives }: RotationPlan, rate: number, bits: 32 | 64): SequenceOutlook {
  const seconds = (2 ** bits - 1) / rate;
  let longest = 0;
  let runsOut: { key: string; time: number } | undefined;
  for (const { key, transmitsFrom, transmitsUntil } of lives) {
    if (transmitsFrom === undefined || transmitsUntil === undefined) continue;
    const period = transmitsUntil - transmitsFrom;
    longest = Math.max(longest, period);
    if (period > seconds) runsOut ??= { key, time: transmitsFrom + seconds };
  }
  return { rate, bits, seconds, longest, ...(runsOut === undefined ? {} : { runsOut }) };
}
