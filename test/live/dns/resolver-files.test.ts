import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ResolverFiles } from '../../../src/live/dns/resolver-files.js';

describe('the files of a namespace', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-netns-'));
  after(() => rmSync(folder, { recursive: true }));
  const plain = { address: '127.0.0.11', ndotsSet: false, hosts: undefined };
  const read = (name: string, file: string): string => readFileSync(join(folder, name, file), 'utf8');

  test('resolv.conf names the server, as Docker writes it, and is removed with its folder', () => {
    const files = new ResolverFiles(folder, 'one', plain);
    assert.match(read('one', 'resolv.conf'), /^# Written by vtep.*\nnameserver 127\.0\.0\.11\noptions ndots:0\n$/);
    assert.ok(!existsSync(join(folder, 'one', 'hosts')));
    files.remove();
    assert.ok(!existsSync(join(folder, 'one')));
  });

  test("ndots is left to the endpoint's own options; hosts has its own name alone", () => {
    const hosts = new Map([['604359bea487', '10.0.9.10']]);
    const files = new ResolverFiles(folder, 'two', { ...plain, ndotsSet: true, hosts });
    assert.ok(!read('two', 'resolv.conf').includes('ndots'));
    assert.match(read('two', 'hosts'), /\n127\.0\.0\.1\tlocalhost\n.*\n10\.0\.9\.10\t604359bea487\n$/);
    files.remove();
  });

  test("somebody else's files are neither written nor removed", () => {
    mkdirSync(join(folder, 'three'));
    writeFileSync(join(folder, 'three', 'resolv.conf'), 'nameserver 192.0.2.1\n');
    new ResolverFiles(folder, 'three', plain).remove();
    assert.equal(read('three', 'resolv.conf'), 'nameserver 192.0.2.1\n');
  });

  test('files left by a run that was killed are written anew; files replaced since are kept', () => {
    new ResolverFiles(folder, 'four', { ...plain, address: '127.0.0.12' });
    const files = new ResolverFiles(folder, 'four', plain);
    assert.match(read('four', 'resolv.conf'), /nameserver 127\.0\.0\.11\n/);
    writeFileSync(join(folder, 'four', 'resolv.conf'), 'nameserver 192.0.2.1\n');
    files.remove();
    assert.ok(existsSync(join(folder, 'four', 'resolv.conf')));
  });

  test('files left by a run that was killed are removed with their folder', () => {
    new ResolverFiles(folder, 'six', plain);
    new ResolverFiles(folder, 'six', plain).remove();
    assert.ok(!existsSync(join(folder, 'six')));
  });

  test('a path has none', () => {
    for (const name of ['/run/netns/five', '../five', '..', '.', '']) {
      new ResolverFiles(join(folder, 'within'), name, plain);
      assert.ok(!existsSync(join(folder, 'within')) && !existsSync(join(folder, 'five')));
    }
  });
});
