/** Identification of the machine that figures were measured on. */
import { cpus, release, type } from 'node:os';
import { aesFeatures, aesText } from './aes-features.js';

/** What figures depend on besides vtep. */
export interface MachineFacts {
  /** The processor's model. */
  readonly cpu: string;
  readonly cores: number;
  /** Name and full version of the system: `Linux 6.1.0-28-amd64`. */
  readonly kernel: string;
  /** Its instructions for AES-GCM: `AES-NI`, `VAES`, ... Absent if the system doesn't say. */
  readonly aes?: readonly string[];
}

/** This machine. */
export function machineFacts(): MachineFacts {
  const all = cpus();
  const aes = aesFeatures();
  return {
    cpu: all[0].model.trim(),
    cores: all.length,
    kernel: `${type()} ${release()}`,
    ...(aes === undefined ? {} : { aes }),
  };
}

/** Processor, cores, system, and instructions for AES-GCM. */
export function machineName({ cpu, cores, kernel, aes }: MachineFacts = machineFacts()): string {
  const system = kernel.replace(/^(\S+ \d+\.\d+).*/, '$1');
  return `${cpu}, ${cores} cores, ${system}${aes === undefined ? '' : `, ${aesText(aes)}`}`;
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
