import assert from 'node:assert/strict';
import test from 'node:test';
import { inspect } from 'node:util';
import { JoinError, JoinToken } from '../../src/join/index.js';
import { FakeCa } from './fake-ca.js';

const DIGEST = '1'.repeat(50);
const SECRET = 'abcdefghijklmnopqrstuvwxy';

test('a token pins the root CA whose SHA-256 it holds, byte for byte', () => {
  const ca = new FakeCa();
  const token = new JoinToken(` ${ca.token()}\n`);
  assert.ok(token.pins(Buffer.from(ca.pem)));
  assert.ok(!token.pins(Buffer.from(`${ca.pem}\n`)));
  assert.ok(!token.pins(Buffer.from(new FakeCa().pem)));
});

test('a token never reveals itself', () => {
  const token = new JoinToken(`SWMTKN-1-${DIGEST}-${SECRET}`);
  const shown = [inspect(token, { showHidden: true }), JSON.stringify({ token }), String(token), token.toJSON()].join();
  assert.ok(!shown.includes(SECRET) && !shown.includes(DIGEST));
  assert.equal(
    token.use((text) => text),
    `SWMTKN-1-${DIGEST}-${SECRET}`,
  );
});

test('anything else is refused, without quoting it', () => {
  for (const text of [
    '',
    'SWMTKN',
    `SWMTKN-1-${DIGEST}`,
    `SWMTKN-1-${DIGEST}-${SECRET}x`,
    `SWMTKN-3-${DIGEST}-${SECRET}`,
    `SWMTKN-1-${'z'.repeat(50)}-${SECRET}`,
    `SWMTKN-1-${DIGEST.toUpperCase()}-${SECRET.toUpperCase()}`,
  ]) {
    assert.throws(
      () => new JoinToken(text),
      (error: JoinError) => error.code === 'BAD_TOKEN' && !error.message.includes(SECRET),
      text,
    );
  }
});

test('a swarm that requires FIPS is named', () => {
  assert.throws(() => new JoinToken(`SWMTKN-2-1-${DIGEST}-${SECRET}`), { code: 'FIPS_SWARM' });
  assert.doesNotThrow(() => new JoinToken(`SWMTKN-2-0-${DIGEST}-${SECRET}`));
});

test('errors hide a token that a manager repeats', () => {
  const error = new JoinError('MANAGER_REFUSED', `no SWMTKN-1-${DIGEST}-${SECRET} here`);
  assert.equal(error.message, 'no [hidden] here');
});
