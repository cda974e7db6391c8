/** Formats figures for display. */
import { grouped } from '../src/cli/table.js';

/** Three significant digits, commas between thousands; a dash for non-finite values. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const magnitude = Math.abs(value);
  if (magnitude >= 1e15 || (magnitude < 1e-6 && magnitude > 0)) return value.toExponential(2);
  return magnitude < 999.5 ? value.toPrecision(3) : grouped(Math.round(value));
}

/** A round axis value, with as few digits as possible. */
export function tickName(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 1e7 || (magnitude < 1e-4 && magnitude > 0)) return value.toExponential(0);
  return grouped(Number(value.toPrecision(3)));
}
