/** Prometheus's text format, version 0.0.4: metric families with labelled samples. */

/** Media type of the format. */
export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Upper bounds of a histogram's buckets, and how many values each has with those below; the last count is that of all. */
export interface HistogramSample {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

type Labels = Readonly<Record<string, string>>;

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** Formats a number: Prometheus writes infinity as `+Inf` and `-Inf`, and all others as JavaScript does. */
function formatNumber(value: number): string {
  return Number.isFinite(value) || Number.isNaN(value) ? String(value) : value > 0 ? '+Inf' : '-Inf';
}

/** A page of metrics. */
export class PrometheusText {
  #text = '';

  /**
   * Adds a family.
   * @param name letters, digits and underscores; counters end in `_total`
   * @param help what it measures, in one line
   * @param samples values with their labels
   */
  family(name: string, type: 'counter' | 'gauge', help: string, samples: readonly (readonly [Labels, number])[]): void {
    if (samples.length === 0) return;
    this.#begin(name, type, help);
    for (const [labels, value] of samples) this.#add(name, labels, value);
  }

  /**
   * Adds a family of histograms.
   * @param name letters, digits and underscores
   * @param help what it measures, in one line
   */
  histogram(name: string, help: string, samples: readonly (readonly [Labels, HistogramSample])[]): void {
    if (samples.length === 0) return;
    this.#begin(name, 'histogram', help);
    for (const [labels, { bounds, counts, sum }] of samples) {
      for (const [i, count] of counts.entries()) {
        this.#add(`${name}_bucket`, { ...labels, le: formatNumber(bounds.at(i) ?? Infinity) }, count);
      }
      this.#add(`${name}_sum`, labels, sum);
      this.#add(`${name}_count`, labels, counts.at(-1) ?? 0);
    }
  }

  #begin(name: string, type: string, help: string): void {
    this.#text += `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
  }

  #add(name: string, labels: Labels, value: number): void {
    this.#text += `${name}${formatLabels(labels)} ${formatNumber(value)}\n`;
  }

  /** The page. */
  toString(): string {
    return this.#text;
  }
}
