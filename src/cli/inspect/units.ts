/** Quantities for people: three digits, and a unit. */

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;
const BIT_RATES = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s', 'Pbit/s'] as const;
const SECONDS = ['ns', 'µs', 'ms', 's'] as const;
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** Three significant digits, or all digits of a larger number. */
function digits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

function scaled(value: number, units: readonly string[], whole: boolean): string {
  let unit = 0;
  let rest = value;
  // 999.5 would be shown as 1000.
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  return `${whole && unit === 0 ? rest.toFixed(0) : digits(rest)} ${units[unit]}`;
}

/** Bytes, in powers of 1000: `70.4 kB`. */
export function byteText(bytes: number): string {
  return scaled(bytes, BYTES, true);
}

/** A rate in bits per second: `5.28 Mbit/s`. */
export function rateText(bitsPerSecond: number): string {
  return scaled(bitsPerSecond, BIT_RATES, true);
}

/** A duration: `13.8 ms`, `40.0 s`, `2 h 46 min`. */
export function secondsText(seconds: number): string {
  if (seconds >= DAY) return `${Math.floor(seconds / DAY)} d ${Math.floor((seconds % DAY) / HOUR)} h`;
  if (seconds >= HOUR) return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`;
  if (seconds >= 10 * MINUTE) return `${Math.floor(seconds / MINUTE)} min ${Math.floor(seconds % MINUTE)} s`;
  if (seconds === 0) return '0 s';
  return scaled(Math.round(seconds * 1e9), SECONDS, true);
}
