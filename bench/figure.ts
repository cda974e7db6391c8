/** Figures as people read them. */
import { grouped } from '../src/cli/table.js';

/** Three digits that count, commas between thousands; a dash for what is no number. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const magnitude = Math.abs(value);
  if (magnitude >= 1e15 || (magnitude < 1e-6 && magnitude > 0)) return value.toExponential(2);
  return magnitude < 999.5 ? value.toPrecision(3) : grouped(Math.round(value));
}

/** A round figure of an axis, with no more digits than it needs. */
export function tickName(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 1e7 || (magnitude < 1e-4 && magnitude > 0)) return value.toExponential(0);
  return grouped(Number(value.toPrecision(3)));
}
