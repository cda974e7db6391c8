import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  type Aead,
  AEAD_BACKENDS,
  type AeadBackend,
  AeadError,
  chooseAead,
  nodeBackend,
  selfTest,
} from '../../src/aead/index.js';
import { ROOT } from '../repository.js';
import { altered } from './altered.js';
import { describeEach } from './backends.js';

function named(name: string, create: () => Aead): AeadBackend {
  return { name, create };
}

const working = (name: string): AeadBackend => named(name, () => altered(nodeBackend.create(), { name }));
const absent = (name: string): AeadBackend =>
  named(name, () => {
    throw new AeadError('AEAD_UNAVAILABLE', `${name} was not found`);
  });
const wrong = (name: string): AeadBackend =>
  named(name, () => altered(nodeBackend.create(), { name, seal: () => undefined }));

describe('chooseAead', () => {
  test('takes the first that works and creates no later one', () => {
    const untouched = named('later', () => assert.fail('was made'));
    const { aead, skipped } = chooseAead(undefined, [working('first'), untouched]);
    assert.equal(aead.name, 'first');
    assert.deepEqual(skipped, []);
  });

  test('reports for each skipped backend whether it is missing or wrong, and how', () => {
    const { aead, skipped } = chooseAead(undefined, [absent('a'), wrong('b'), working('c'), working('d')]);
    assert.equal(aead.name, 'c');
    assert.deepEqual(
      skipped.map(({ name, code }) => [name, code]),
      [
        ['a', 'AEAD_UNAVAILABLE'],
        ['b', 'AEAD_SELF_TEST'],
      ],
    );
    assert.equal(skipped[0].reason, 'a was not found');
    assert.match(skipped[1].reason, /^the cipher b seals AES-128-GCM with an ICV of 16 bytes incorrectly$/);
  });

  test('takes only the named one, without trying others', () => {
    const untouched = named('faster', () => assert.fail('was made'));
    const { aead, skipped } = chooseAead('wanted', [untouched, working('wanted')]);
    assert.equal(aead.name, 'wanted');
    assert.deepEqual(skipped, []);
  });

  test("throws the named one's error and does not fall back to others", () => {
    const backends = [working('a'), absent('b'), wrong('c')];
    assert.throws(() => chooseAead('b', backends), { code: 'AEAD_UNAVAILABLE', message: 'b was not found' });
    assert.throws(() => chooseAead('c', backends), { code: 'AEAD_SELF_TEST', message: /^the cipher c seals/ });
  });

  test('lists the known names for an unknown one', () => {
    for (const name of ['nodejs', '', 'Node', '__proto__', 'a\nb']) {
      assert.throws(
        () => chooseAead(name),
        (error) => {
          assert.ok(error instanceof AeadError);
          assert.equal(error.code, 'AEAD_UNKNOWN');
          assert.equal(error.message, `unknown cipher ${JSON.stringify(name)}; known ciphers: ipsec-mb, openssl, node`);
          return true;
        },
      );
    }
  });

  test('throws the reasons of all if none works', () => {
    assert.throws(
      () => chooseAead(undefined, [absent('a'), wrong('b')]),
      (error) => {
        assert.ok(error instanceof AeadError);
        assert.equal(error.code, 'AEAD_UNAVAILABLE');
        assert.match(error.message, /a was not found.*the cipher b seals/);
        return true;
      },
    );
    assert.throws(() => chooseAead(undefined, []), { code: 'AEAD_UNAVAILABLE' });
  });

  test('rethrows an error that is not an AeadError, so that a bug isn’t hidden', () => {
    const faulty = named('faulty', () => {
      throw new TypeError('a fault');
    });
    assert.throws(() => chooseAead(undefined, [faulty, working('next')]), new TypeError('a fault'));
  });

  test('tries ipsec-mb, openssl and node, in this order; node works everywhere', () => {
    assert.deepEqual(
      AEAD_BACKENDS.map(({ name }) => name),
      ['ipsec-mb', 'openssl', 'node'],
    );
    const { aead, skipped } = chooseAead();
    assert.equal(AEAD_BACKENDS[skipped.length].name, aead.name);
    assert.equal(chooseAead('node').aead.name, 'node');
  });
});

describeEach('chooseAead', (create, name) => {
  test('takes it by name', () => {
    const { aead } = chooseAead(name, [named('other', () => assert.fail('was made')), named(name, create)]);
    assert.equal(aead.name, name);
    assert.equal(selfTest(aead), undefined);
  });
});

describe('without the package koffi', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'vtep-no-koffi-'));
    mkdirSync(join(folder, 'src'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    cpSync(join(ROOT, 'dist/src/aead'), join(folder, 'src/aead'), { recursive: true });
    cpSync(join(ROOT, 'dist/src/foreign'), join(folder, 'src/foreign'), { recursive: true });
    cpSync(join(ROOT, 'dist/src/error.js'), join(folder, 'src/error.js'));
    cpSync(join(ROOT, 'dist/src/text/plain-text.js'), join(folder, 'src/text/plain-text.js'));
    cpSync(join(ROOT, 'dist/src/text/secret-text.js'), join(folder, 'src/text/secret-text.js'));
    cpSync(join(ROOT, 'dist/src/memory'), join(folder, 'src/memory'), { recursive: true });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** The output of a program without any packages installed. */
  function print(expression: string): unknown {
    const script = `import * as aead from './src/aead/index.js';
const failure = (run) => { try { run(); return 'nothing thrown'; } catch ({ name, code, message }) { return { name, code, message }; } };
process.stdout.write(JSON.stringify(${expression}));`;
    writeFileSync(join(folder, 'main.js'), script);
    const env = { PATH: process.env['PATH'], HOME: folder };
    const child = spawnSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8', env, timeout: 60_000 });
    assert.equal(child.status, 0, child.stderr);
    return JSON.parse(child.stdout);
  }

  const error = {
    name: 'AeadError',
    code: 'AEAD_UNAVAILABLE',
    message: 'the package koffi is not installed (npm install koffi)',
  };

  test('openssl and ipsec-mb are unavailable, and say that koffi needs to be installed', () => {
    const made = print('[aead.opensslBackend, aead.ipsecMbBackend].map((one) => failure(() => one.create()))');
    assert.deepEqual(made, [error, error]);
    const chosen = print("['openssl', 'ipsec-mb'].map((name) => failure(() => aead.chooseAead(name)))");
    assert.deepEqual(chosen, [error, error]);
  });

  test('node is chosen, which seals and opens correctly, and the others are skipped', () => {
    const found = print('(({ aead: { name }, skipped }) => ({ name, skipped }))(aead.chooseAead())');
    const reason = error.message;
    assert.deepEqual(found, {
      name: 'node',
      skipped: [
        { name: 'ipsec-mb', code: 'AEAD_UNAVAILABLE', reason },
        { name: 'openssl', code: 'AEAD_UNAVAILABLE', reason },
      ],
    });
  });

  test('a package koffi that can’t be loaded is unavailable too, with the first line of the reason', () => {
    const koffi = join(folder, 'node_modules/koffi');
    mkdirSync(koffi, { recursive: true });
    writeFileSync(join(koffi, 'index.js'), 'throw new Error("made for another processor\\nand more");');
    try {
      const message = "the package koffi can't be loaded: made for another processor";
      assert.deepEqual(print('failure(() => aead.opensslBackend.create())'), { ...error, message });
      assert.equal(print('aead.chooseAead().aead.name'), 'node');
    } finally {
      rmSync(join(folder, 'node_modules'), { recursive: true });
    }
  });
});
