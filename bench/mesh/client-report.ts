/** What a client of the benchmark reports. */

/** A client's report on one run. */
export interface ClientReport {
  /** Requests, or messages, that were answered. */
  readonly requests: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers other than 2xx, and connections that failed. */
  readonly failed: number;
}

const MILLISECONDS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

/**
 * Reads what `wrk --latency` prints.
 * @returns undefined if it isn't that
 */
export function parseWrk(text: string): ClientReport | undefined {
  const requests = /(\d+) requests in/.exec(text)?.[1];
  const perSecond = /Requests\/sec:\s+([\d.]+)/.exec(text)?.[1];
  const quantile = (percent: number): number => {
    const [, value = '', unit = ''] = new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s|m)$`, 'm').exec(text) ?? [];
    return Number(value) * (MILLISECONDS[unit] ?? Number.NaN);
  };
  if (requests === undefined || perSecond === undefined) return undefined;
  const [errors = ''] = /Socket errors:.*/.exec(text) ?? [];
  const failed = [...errors.matchAll(/ (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  return {
    requests: Number(requests),
    perSecond: Number(perSecond),
    p50: quantile(50),
    p99: quantile(99),
    failed: failed + Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
  };
}

/** The value below which so much of the sorted values are; 0 of none. */
export function quantileOf(sorted: Float64Array, q: number): number {
  return sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}
