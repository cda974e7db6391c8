/** Parses the output of `ping` from iputils. */

/** Milliseconds. */
export interface RoundTrip {
  readonly least: number;
  readonly mean: number;
  readonly most: number;
}

/** The totals of a `ping`. */
export interface PingSums {
  readonly sent: number;
  /** Answers, without duplicates. */
  readonly received: number;
  readonly lost: number;
  readonly duplicates: number;
  /** Absent if nothing was answered. */
  readonly roundTrip?: RoundTrip;
  /** Lines with errors: `Frag needed and DF set (mtu = 1400)`, `message too long, mtu=1450`. */
  readonly errors: readonly string[];
}

const SENT = /^(\d+) packets transmitted, (\d+) received/m;
const DUPLICATES = /, \+(\d+) duplicates/;
const ROUND_TRIP = /^rtt min\/avg\/max\/mdev = ([\d.]+)\/([\d.]+)\/([\d.]+)\//m;
const ERROR = /^(?:ping: .*|From .* icmp_seq=\d+ .*)$/gm;
const ANSWER = /^\d+ bytes from .* icmp_seq=(\d+) /gm;
const SEQUENCES = 0x10000;

/**
 * Parses the totals at the end of the output of `ping`.
 *
 * @throws {Error} with its text, if there are no totals
 */
export function parsePing(stdout: string, stderr: string): PingSums {
  const totals = SENT.exec(stdout);
  if (totals === null) throw new Error(`ping gave no sums: ${stderr.trim() || stdout.trim() || 'it said nothing'}`);
  const [sent = 0, received = 0] = totals.slice(1).map(Number);
  const trip = ROUND_TRIP.exec(stdout);
  const [least = 0, mean = 0, most = 0] = (trip ?? []).slice(1).map(Number);
  return {
    sent,
    received,
    lost: sent - received,
    duplicates: Number(DUPLICATES.exec(stdout)?.[1] ?? 0),
    ...(trip === null ? {} : { roundTrip: { least, mean, most } }),
    errors: `${stdout}\n${stderr}`.match(ERROR) ?? [],
  };
}

/** The numbers of the answered pings, from 1, extended beyond the 16-bit sequence number of packets. */
export function answered(stdout: string): Set<number> {
  const numbers = new Set<number>();
  let last = 0;
  for (const [, digits] of stdout.matchAll(ANSWER)) {
    const ahead = (Number(digits) - last) & (SEQUENCES - 1);
    const number = last + (ahead < SEQUENCES / 2 ? ahead : ahead - SEQUENCES);
    numbers.add(number);
    last = Math.max(last, number);
  }
  return numbers;
}
