/** Prometheus's text format, version 0.0.4: metric families with labelled samples. */

/** Media type of the format. */
export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

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
    this.#text += `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
    for (const [labels, value] of samples) this.#text += `${name}${formatLabels(labels)} ${formatNumber(value)}\n`;
  }

  /** The page. */
  toString(): string {
    return this.#text;
  }
}
