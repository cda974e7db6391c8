/** The file of the explorer: all in one, small, and with a policy that allows its own script and styles alone. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { MemoryReader, openCapture } from '../../../src/capture/index.js';
import { ROOT } from '../../repository.js';

const MAX_GZIP = 350_000;
const MAX_SAMPLE = 40_000;

function contentOf(html: string, open: RegExp, close: string): string {
  const match = open.exec(html);
  assert.ok(match !== null, String(open));
  const from = match.index + match[0].length;
  return html.slice(from, html.indexOf(close, from));
}

function sha256(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

describe('explorer.html', () => {
  let html = '';
  let script = '';
  let style = '';

  before(() => {
    html = readFileSync(join(ROOT, 'dist/native-free/explorer/explorer.html'), 'utf8');
    script = contentOf(html, /<script>/, '</script>');
    style = contentOf(html, /<style>/, '</style>');
  });

  test('is at most 350 kB compressed', (t) => {
    const bytes = gzipSync(html, { level: 9 }).length;
    t.diagnostic(`${Math.round(html.length / 1000)} kB, gzip ${Math.round(bytes / 1000)} kB`);
    assert.ok(bytes <= MAX_GZIP, `${bytes} bytes`);
  });

  test('allows its script and its styles by their hashes, workers of its own, and its own server', () => {
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1].split('; ');
    assert.deepEqual(policy, [
      "default-src 'none'",
      `script-src ${sha256(script)} 'wasm-unsafe-eval'`,
      `style-src ${sha256(style)}`,
      'worker-src blob:',
      "connect-src 'self'",
      'img-src data: blob:',
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
      'trusted-types vtep-worker',
    ]);
    assert.ok(html.indexOf('Content-Security-Policy') < html.indexOf('<style>'));
  });

  test('needs no other file', () => {
    const rest = html.replace(script, '').replace(style, '');
    const addresses = [...rest.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address);
    assert.deepEqual(addresses, ['data:,']);
    assert.doesNotMatch(style, /@import|url\(/);
    assert.doesNotMatch(rest, / style="| on[a-z]+="/);
  });

  test('makes no code from text', () => {
    assert.deepEqual(script.match(/\beval\(|\bFunction\(|\bimport\(|document\.write/g), null);
  });

  test('makes no markup from text: neither the page’s own code nor, under its policy, that of libraries', () => {
    const folder = join(ROOT, 'native-free/explorer/page');
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
    assert.ok(names.length > 20);
    for (const name of names) {
      const found = readFileSync(join(folder, name), 'utf8').match(
        /\w*(?:inner|outer)HTML|insertAdjacentHTML|DOMParser/gi,
      );
      assert.deepEqual(found, null, name);
    }
  });

  test('has an empty list of served files, for vtep explore to fill', () => {
    assert.match(html, /<script type="application\/json" id="served-files">\[\]<\/script>/);
  });

  test('has a real recording and its keys, in at most 40 kB', async () => {
    const text = contentOf(html, /<script type="application\/json" id="sample-files">/, '</script>');
    assert.ok(text.length <= MAX_SAMPLE, `${text.length} bytes`);
    const files = Object.entries(JSON.parse(text) as Record<string, string>).map(
      ([name, base64]) => [name, gunzipSync(Buffer.from(base64, 'base64'))] as const,
    );
    assert.deepEqual(
      files.map(([name]) => name),
      ['swarm-encrypted.pcap.gz', 'swarm-keys.txt.gz'],
    );
    const source = await openCapture(new MemoryReader(files[0][1]));
    let packets = 0;
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) packets += batch.count;
    assert.equal(source.damage, undefined);
    assert.equal(packets, 42);
  });
});
