/** Numbers, times and addresses as the page writes them. */
import type { ConversationSide } from '../inspect/index.js';

const RATE_UNITS = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'] as const;

/** `1,234`. */
export function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 packet`, `1,234 packets`. */
export function counted(count: number, what: string, plural = `${what}s`): string {
  return `${grouped(count)} ${count === 1 ? what : plural}`;
}

/** A part of a whole: `0 %`, `< 0.1 %`, `12.3 %`, `> 99.9 %`, `100 %`; empty if there is no whole. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return '';
  if (part === 0 || part === whole) return part === 0 ? '0 %' : '100 %';
  const share = (100 * part) / whole;
  if (share < 0.05) return '< 0.1 %';
  if (share >= 99.95 && part < whole) return '> 99.9 %';
  return `${share.toFixed(1)} %`;
}

/** `2026-11-21 03:26:52.831 UTC`. */
export function utcText(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 23).replace(/Z$/, '')} UTC`;
}

/** From one time to another, of which the second has no date if it is of the same day; one time if they are the same. */
export function spanText(first: string, last: string): string {
  const [from, to] = [utcText(first), utcText(last)];
  if (from === to) return from;
  return first.slice(0, 10) === last.slice(0, 10) ? `${from.slice(0, -4)} to ${to.slice(11)}` : `${from} to ${to}`;
}

/** Seconds since the capture's first packet: `+12.345 s`. */
export function offsetText(seconds: number): string {
  return `${seconds < 0 ? '−' : '+'}${Math.abs(seconds).toFixed(3)} s`;
}

/** A name or an address, and its port: `my-web.3:80`, `10.0.9.3:80`, `[fd00:9::3]:80`. */
export function socketText({ address, name, port }: ConversationSide): string {
  const host = name ?? address;
  if (port === null) return host;
  return name === undefined && address.includes(':') ? `[${address}]:${port}` : `${host}:${port}`;
}

/** The unit in which a table of rates is readable. */
export interface RateUnit {
  readonly name: string;
  /** Bits per second. */
  readonly size: number;
}

/** The unit for rates up to a peak, in bits per second: the largest in which the peak has two digits. */
export function rateUnit(peak: number): RateUnit {
  let unit = 0;
  while (unit < RATE_UNITS.length - 1 && peak >= 10 * 1000 ** (unit + 1)) unit++;
  return { name: RATE_UNITS[unit], size: 1000 ** unit };
}

/** A rate in a unit, with three digits at most behind what is whole. */
export function inUnit(bitsPerSecond: number, { size }: RateUnit): string {
  if (bitsPerSecond === 0) return '0';
  const value = bitsPerSecond / size;
  if (size === 1 || value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
