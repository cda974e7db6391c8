/** The table of labels, and that the readers do what it says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  adviceOn,
  Dialect,
  knownLabel,
  type KnownLabel,
  LABELS,
  Support,
} from '../../../src/mesh/labels/known-labels.js';
import { readLabels } from '../../../src/mesh/labels/read-labels.js';
import type { ReadLabels } from '../../../src/mesh/labels/reading.js';
import { DOCUMENT, labelsTable, tableIn } from './labels-table.js';

/** A label of a row, with placeholders filled in. */
function labelOf({ name }: KnownLabel): string {
  return name
    .replace('traefik.http.routers.<router>', 'traefik.http.routers.r')
    .replace('traefik.http.services.<service>', 'traefik.http.services.s')
    .replace('traefik.tcp.routers.<router>', 'traefik.tcp.routers.r')
    .replace('traefik.tcp.services.<service>', 'traefik.tcp.services.s')
    .replaceAll(/<\.\.\.>|<\w+>/g, 'x');
}

/** What labels of a dialect give that work, with another one. */
function readWith({ dialect, name }: KnownLabel, label: string, value: string): ReadLabels {
  const isTcp = name.startsWith('traefik.tcp');
  const base: Readonly<Record<string, string>> =
    dialect === Dialect.Interlock
      ? { 'com.docker.lb.hosts': 'a', 'com.docker.lb.port': '80' }
      : isTcp
        ? {
            'traefik.tcp.routers.r.rule': 'HostSNI(`a`)',
            'traefik.tcp.routers.r.tls.passthrough': 'true',
            'traefik.tcp.services.s.loadbalancer.server.port': '80',
          }
        : {
            'traefik.http.routers.r.rule': 'Host(`a`)',
            'traefik.http.services.s.loadbalancer.server.port': '80',
          };
  return readLabels({ name: 'web', labels: { ...base, [label]: value }, publishedPorts: 1 });
}

const OTHERS = LABELS.filter(({ dialect }) => dialect !== Dialect.Ucp);

describe('each label of the table', () => {
  test('is found by its name, and is there once', () => {
    for (const label of OTHERS) assert.equal(knownLabel(labelOf(label)), label, label.name);
    assert.equal(new Set(LABELS.map(({ name }) => name)).size, LABELS.length);
  });

  test('that is not followed says why, or what to do', () => {
    for (const { name, support, advice } of LABELS) {
      if (support === Support.Reported || support === Support.NoRoute) assert.ok((advice ?? '').length > 8, name);
    }
  });

  for (const label of OTHERS) {
    const { name, support } = label;
    if (support === Support.Followed) continue;
    test(`${name} is ${support === Support.Needless ? 'not reported' : 'reported'}`, () => {
      // A service that isn't that of the route has no effect on it.
      if (/^traefik\.(?:http|tcp)\.services\.<service>\.<\.\.\.>$/.test(name)) return;
      const { routes, troubles } = readWith(label, labelOf(label), 'true');
      assert.equal(troubles.length, support === Support.Needless ? 0 : 1);
      assert.equal(routes.length, support === Support.NoRoute ? 0 : 1);
    });
  }
});

test('a label that no document has is reported with the nearest name', () => {
  const why = (name: string): string => adviceOn(name)?.why ?? '';
  assert.match(why('traefik.http.routers.web.prioriti'), /isn't a known label; did you mean priority\?/);
  assert.match(why('traefik.http.routres.web.rule'), /did you mean routers\?/);
  assert.match(why('traefik.enabled'), /did you mean enable\?/);
  assert.match(why('com.docker.lb.hosst'), /did you mean hosts\?/);
  assert.equal(why('com.docker.lb.zzzzzzzzzz'), "isn't a known label");
});

test('names of labels are matched in time that grows with their length', () => {
  const long = `traefik.http.routers.${'a.'.repeat(50_000)}x`;
  const began = process.cpuUsage();
  for (let i = 0; i < 3; i++) adviceOn(long);
  const { user } = process.cpuUsage(began);
  const short = `traefik.http.routers.${'a.'.repeat(500)}x`;
  const again = process.cpuUsage();
  for (let i = 0; i < 300; i++) adviceOn(short);
  assert.ok(user < 20 * Math.max(process.cpuUsage(again).user, 10_000));
});

test('docs/mesh.md has the table', () => {
  assert.deepEqual(tableIn(readFileSync(DOCUMENT, 'utf8')), labelsTable());
});
