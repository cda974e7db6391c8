/** The Grafana dashboard and the alert rules ask for metrics and labels that nodes give. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { DROP_REASONS, dropReasonName } from '../../src/dataplane/index.js';
import { withoutRawSockets } from '../live/loopback.js';
import { deployFile } from './deployment.js';
import { type ExposedMetrics, exposedMetrics } from './exposed-metrics.js';
import { type Expression, parsePromql } from './promql.js';

/** What Prometheus itself knows, and adds to each metric. */
const OWN_METRICS = ['up'];
const OWN_LABELS = ['job', 'instance'];

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

interface Rules {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

const rules = (parse(deployFile('prometheus-rules.yml')) as Rules).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(deployFile('grafana-dashboard.json')) as Dashboard;
const targets = dashboard.panels.flatMap(({ title, targets: all = [] }) => all.map((one) => ({ title, ...one })));

/** The labels that a text with `{{ $labels.x }}` or `{{x}}` takes from a result. */
function labelsIn(text: string): string[] {
  return [...text.matchAll(/\{\{\s*(?:\$labels\.)?([a-z_]\w*)[^}]*\}\}/g)].map(([, label]) => label);
}

const REASONS = Array.from({ length: DROP_REASONS }, (_, reason) => dropReasonName(reason));

/** Checks expressions against what is exposed. */
class Checker {
  readonly #exposed: ExposedMetrics;

  constructor(exposed: ExposedMetrics) {
    this.#exposed = exposed;
  }

  labelsOf(metric: string): readonly string[] {
    const labels = OWN_METRICS.includes(metric) ? new Set<string>() : this.#exposed.get(metric);
    assert.ok(labels, `no node gives ${metric}`);
    return [...labels, ...OWN_LABELS];
  }

  /** Checks an expression, and that its result has the labels that a text shows. */
  check({ selectors, groupings, result }: Expression, text: string): void {
    for (const { metric, matchers } of selectors) {
      for (const [label, , value] of matchers) {
        assert.ok(this.labelsOf(metric).includes(label), `${metric} has no label ${label}`);
        if (metric !== 'vtep_packets_dropped_total' || label !== 'reason') continue;
        for (const reason of value.split('|')) assert.ok(REASONS.includes(reason), `there is no reason ${reason}`);
      }
      this.labelsOf(metric);
    }
    for (const { labels, metrics } of groupings) {
      for (const metric of metrics) {
        for (const label of labels) assert.ok(this.labelsOf(metric).includes(label), `${metric} has no label ${label}`);
      }
    }
    const shown = result === undefined ? [] : 'metric' in result ? this.labelsOf(result.metric) : result.labels;
    for (const label of labelsIn(text)) assert.ok(shown.includes(label), `the result has no label ${label}`);
  }
}

test('the dashboard and the alert rules', { skip: withoutRawSockets() }, async (t) => {
  const checker = new Checker(await exposedMetrics(t));
  for (const { alert, expr, annotations } of rules) {
    await t.test(`alert ${alert}: its expression is PromQL about metrics and labels that exist`, () => {
      checker.check(parsePromql(expr), `${annotations.summary} ${annotations.description}`);
    });
  }
  for (const { title, expr, legendFormat } of targets) {
    await t.test(`panel "${title}", ${legendFormat}: likewise`, () => checker.check(parsePromql(expr), legendFormat));
  }
  await t.test('variables of the dashboard are there, and ask for metrics that exist', () => {
    const { list } = dashboard.templating;
    const names = [...list.map(({ name }) => name), '__rate_interval'];
    for (const [, name] of JSON.stringify(dashboard.panels).matchAll(/\$\{?(\w+)/g))
      assert.ok(names.includes(name), name);
    for (const { definition } of list) {
      if (definition === undefined) continue;
      const [, metric, label] = /^label_values\((\w+).*, (\w+)\)$/.exec(definition) ?? [];
      assert.ok(checker.labelsOf(metric).includes(label), definition);
    }
  });
});

describe('the alert rules', () => {
  test('have unique names, a known severity, a summary and a description', () => {
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
    for (const { alert, labels, annotations, for: pending = '0s' } of rules) {
      assert.match(alert, /^Vtep[A-Z]\w+$/);
      assert.ok(['warning', 'critical'].includes(labels.severity), alert);
      assert.ok(annotations.summary.length > 20 && annotations.description.length > 20, alert);
      assert.match(pending, /^\d+[smh]$/);
    }
  });
});

describe('the dashboard', () => {
  test('has unique ids, and panels that lie beside and below each other', () => {
    const { panels } = dashboard;
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(!taken.has(`${x},${y}`), `${title} lies over another panel`);
          taken.add(`${x},${y}`);
        }
      }
    }
  });
});
