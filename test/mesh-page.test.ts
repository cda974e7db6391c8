/** What docs/mesh.md shows is read as it says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { logLine } from '../src/live/mesh/log/log-line.js';
import { readLabels } from '../src/mesh/index.js';
import { DEFAULT_MESH } from '../src/overlay/index.js';
import { parseConfig, readMeshSettings } from '../src/overlay/files.js';
import { blocksOf } from './document.js';
import { ROOT } from './repository.js';

const PAGE = 'docs/mesh.md';
const blocks = blocksOf(PAGE).filter(({ language }) => language === 'yaml');
const text = readFileSync(join(ROOT, PAGE), 'utf8');

describe('docs/mesh.md', () => {
  test('its config is one of two nodes with two services of three tasks, whose labels are understood', () => {
    const [config] = blocks.filter((block) => block.text.startsWith('nodes:'));
    const { mesh, labels = [] } = parseConfig(config.text).services ?? assert.fail('no services');
    assert.equal(mesh?.netns, 'vtep-mesh');
    const read = labels.map((one) => readLabels({ name: one.service, labels: one.labels, publishedPorts: 0 }));
    assert.deepEqual(
      read.map(({ routes, troubles }) => [routes.map(({ host, path }) => host + path), troubles]),
      [
        [['www.example.org'], []],
        [['www.example.org/api'], []],
      ],
    );
  });

  test('its file of --mesh has the routes that it says', () => {
    const [file] = blocks.filter((block) => block.text.startsWith('# mesh.yaml'));
    assert.deepEqual(
      readMeshSettings(file.text).routes.map(({ url, service }) => `${url} ${service}`),
      ['http://www.example.org my-web', 'http://www.example.org/api my-api', 'sni://secure.example.org my-api'],
    );
  });

  test('its labels in three dialects are understood', () => {
    const found = blocks.filter((block) => block.text.startsWith('labels:'));
    assert.equal(found.length, 3);
    for (const block of found) {
      const { labels } = parse(block.text) as { labels: Record<string, string> };
      const { routes, troubles } = readLabels({ name: 'my-web', labels, publishedPorts: 0 });
      assert.deepEqual(troubles, []);
      assert.ok(routes.length >= 2 && routes.some(({ sticky }) => sticky !== undefined), block.text);
    }
  });

  test('its time limits are the defaults', () => {
    const { timeouts } = DEFAULT_MESH;
    const rows = [...text.matchAll(/^\| `(head|idle|connect|response|tunnel)` +\| (\d+) /gm)];
    assert.deepEqual(Object.fromEntries(rows.map(([, name, seconds]) => [name, Number(seconds)])), { ...timeouts });
  });

  test("its line of the log has the log's fields", () => {
    const [shown] = blocksOf(PAGE).filter(({ language }) => language === 'json');
    const exchange = { path: '/', method: 'GET', status: 200, bytesIn: 0, bytesOut: 0, attempts: 1, began: 0 };
    const client = { address: '203.0.113.9', port: 1, localAddress: '', localPort: 80, isTrusted: false };
    const line = logLine(
      { ...exchange, client, protocol: 'HTTP/1.1', host: 'a', route: undefined, target: undefined, failure: undefined },
      0,
      1,
      'node1',
    );
    const fields = Object.keys(JSON.parse(shown.text) as object);
    const known = [...Object.keys(JSON.parse(line) as object), 'service', 'task', 'backend'];
    assert.deepEqual(fields.sort(), known.sort());
  });
});
