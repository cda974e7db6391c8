/** Identification of the machine that figures were measured on. */
import { cpus, release, type } from 'node:os';

/** Processor, cores and system. */
export function machineName(): string {
  const all = cpus();
  return `${all[0].model.trim()}, ${all.length} cores, ${type()} ${release().replace(/^(\d+\.\d+).*/, '$1')}`;
}

/** The machine, Node's version and the date, in one line. */
export function machine(): string {
  return `${machineName()}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`;
}

/** The median. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** The range of the values, in percent of the median. */
export function spread(values: readonly number[]): number {
  return (100 * (Math.max(...values) - Math.min(...values))) / median(values);
}

/** Prints rows of cells as aligned columns; the first column to the left, the others to the right. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [headings, ...rows];
  const widths = headings.map((_, i) => Math.max(...all.map((row) => row[i].length)));
  for (const row of all) {
    const cells = row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])));
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`);
  }
}
