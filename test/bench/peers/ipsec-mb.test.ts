import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import { buildIpsecMb } from '../../../bench/peers/ipsec-mb.js';
import { call, ProgramError } from '../../../bench/peers/program.js';

async function built(): Promise<string | undefined> {
  try {
    return await buildIpsecMb();
  } catch (error) {
    if (error instanceof ProgramError) return undefined;
    throw error;
  }
}

const program = await built();
const skip = program === undefined ? 'no compiler or no libipsec-mb-dev' : false;

test('the C loop seals like node:crypto, by a call and by a job', { skip }, async () => {
  for (const bytes of [1, 82, 1418]) {
    const key = Uint8Array.from({ length: 16 }, (_, i) => i);
    const cipher = createCipheriv('aes-128-gcm', key, new Uint8Array(12), { authTagLength: 8 });
    cipher.setAAD(new Uint8Array(8));
    const sealed = Buffer.concat([cipher.update(new Uint8Array(bytes)), cipher.final(), cipher.getAuthTag()]);
    const shown = await call(program ?? '', ['show', String(bytes)]);
    assert.deepEqual(shown.trim().split('\n'), [sealed.toString('hex'), sealed.toString('hex')]);
  }
});

test('the C loop prints four figures, and refuses sizes that it has no room for', { skip }, async () => {
  const figures = (await call(program ?? '', ['1', '82', '610'])).trim().split(' ').map(Number);
  assert.equal(figures.length, 4);
  for (const nanoseconds of figures) assert.ok(nanoseconds > 0);
  for (const bytes of ['0', '16385', '-1']) await assert.rejects(call(program ?? '', ['1', bytes]), ProgramError);
});
