import assert from 'node:assert/strict';
import { chmodSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  defaultSocket,
  foundSockets,
  nodeOfSocket,
  socketName,
  statusDirectories,
} from '../../../src/live/status/socket-path.js';
import { scratch } from '../../cli/run.js';

describe('the path of a status socket', () => {
  test('has the name of any node, without characters that a path can’t have', () => {
    assert.equal(socketName('n1'), 'n1.sock');
    assert.equal(socketName('a/../b c'), 'a%2f..%2fb%20c.sock');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (node) => {
        assert.match(socketName(node), /^[\w.%-]*\.sock$/);
        assert.equal(nodeOfSocket(socketName(node)), node);
      }),
    );
  });

  test('is in the first directory that this user may write, which is created', () => {
    const folder = scratch();
    const [absent, file, own] = [join(folder, 'no', 'vtep'), join(folder, 'file'), join(folder, 'own')];
    writeFileSync(file, '');
    assert.equal(defaultSocket('n1', [absent, file, own]), join(own, 'n1.sock'));
    assert.equal(lstatSync(own).mode & 0o777, 0o700);
    assert.equal(defaultSocket('n1', [absent]), undefined);
  });

  test('is not in a directory that others may write, or that is a link', () => {
    const folder = scratch();
    const [open, link, target] = [join(folder, 'open'), join(folder, 'link'), join(folder, 'target')];
    mkdirSync(open);
    chmodSync(open, 0o777);
    mkdirSync(target);
    symlinkSync(target, link);
    assert.equal(defaultSocket('n1', [open, link]), undefined);
    assert.deepEqual(foundSockets([open, link]), []);
  });

  test('is found again, without other files', async () => {
    const folder = scratch();
    writeFileSync(join(folder, 'n2.sock'), 'a file');
    const server = createServer();
    const path = join(folder, socketName('a b'));
    await new Promise<void>((done) => server.listen(path, done));
    assert.deepEqual(foundSockets([join(folder, 'absent'), folder]), [{ node: 'a b', path }]);
    server.close();
  });

  test('may be in /run, then in the directory of the session, then in one for this user', () => {
    const uid = process.getuid?.() ?? 0;
    const all = statusDirectories({ XDG_RUNTIME_DIR: '/run/user/7' });
    assert.deepEqual(all.slice(0, 2), ['/run/vtep', '/run/user/7/vtep']);
    assert.match(all[2], new RegExp(`/vtep-${uid}$`));
    assert.equal(statusDirectories({ XDG_RUNTIME_DIR: 'relative' }).length, 2);
  });
});
