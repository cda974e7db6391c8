/** Parses Prometheus's text format, version 0.0.4, strictly. */
import assert from 'node:assert/strict';

/** A value with its labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of one metric. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([^\s{]+)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\]|\\[\\n"])*",?)*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\[\\n"])*)"(,|$)/y;
const SPECIAL: Readonly<Record<string, number>> = { '+Inf': Infinity, '-Inf': -Infinity, NaN };

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign));
}

function valueOf(text: string): number {
  if (text in SPECIAL) return SPECIAL[text];
  assert.match(text, /^-?\d+(\.\d+)?(e[+-]?\d+)?$/, `no number of the format: ${text}`);
  return Number(text);
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const match = LABEL.exec(text);
    assert.ok(match, `labels that can't be read: ${text}`);
    assert.ok(!(match[1] in labels), `a label comes twice: ${text}`);
    labels[match[1]] = unescaped(match[2]);
  }
  return labels;
}

/** The metric families of a page. */
export function parsePrometheus(page: string): Family[] {
  assert.ok(page.endsWith('\n'), 'the last line has an end');
  const families: Family[] = [];
  const seen = new Set<string>();
  let help: readonly [string, string] | undefined;
  for (const line of page.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment?.[1] === 'HELP') {
      help = [comment[2], unescaped(comment[3])];
    } else if (comment !== null) {
      const [, , name, type] = comment;
      assert.match(name, NAME);
      assert.equal(help?.[0], name, 'a type follows the help of its name');
      assert.ok(['counter', 'gauge'].includes(type), type);
      assert.ok(!families.some((family) => family.name === name), `${name} comes twice`);
      families.push({ name, type, help: help[1], samples: [] });
    } else {
      const match = SAMPLE.exec(line) as readonly (string | undefined)[] | null;
      const [, name, labels = '', value = ''] = match ?? [];
      assert.ok(match, `a line that can't be read: ${line}`);
      const family = families.at(-1);
      assert.ok(family !== undefined && family.name === name, 'samples follow their type');
      const series = `${name}{${labels}}`;
      assert.ok(!seen.has(series), `${series} comes twice`);
      seen.add(series);
      const sample = { labels: labelsOf(labels), value: valueOf(value) };
      if (family.type === 'counter') assert.ok(name.endsWith('_total') && sample.value >= 0, line);
      family.samples.push(sample);
    }
  }
  return families;
}

/** The sum of a family's samples with these labels; 0 if there are none. */
export function sumOf(
  families: readonly Family[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const samples = families.find((family) => family.name === name)?.samples ?? [];
  return samples
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0);
}
