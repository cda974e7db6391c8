/** The choice of a cipher, and what is said of one that gives wrong results. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { AeadError, nodeBackend } from '../../src/aead/index.js';
import { aeadOption } from '../../src/cli/aead-option.js';
import { ROOT } from '../repository.js';

test('a cipher that fails its self-test is said on standard error, and the next one is taken', () => {
  const url = (path: string): string => JSON.stringify(pathToFileURL(join(ROOT, 'dist', path)).href);
  const program = `
    const { nodeBackend } = await import(${url('src/aead/index.js')});
    const { aeadOption } = await import(${url('src/cli/aead-option.js')});
    const broken = {
      name: 'broken',
      create() {
        const aead = nodeBackend.create();
        aead.seal = () => undefined;
        return aead;
      },
    };
    const { aead } = await aeadOption({ values: {}, operands: [] }, [broken, nodeBackend]);
    console.log(aead.name);`;
  const call = spawnSync(process.execPath, ['--input-type=module', '-e', program]);
  assert.equal(call.stdout.toString(), 'node\n');
  assert.match(call.stderr.toString(), /^vtep: the cipher broken seals AES-128-GCM [^\n]* incorrectly: not used\n$/);
});

test('the one that is named is taken and no other', async () => {
  const { aead } = await aeadOption({ values: { aead: 'forge' }, operands: [] });
  assert.equal(aead.name, 'forge');
  await assert.rejects(
    () => aeadOption({ values: { aead: 'forge' }, operands: [] }, [nodeBackend]),
    (error) => error instanceof AeadError && error.code === 'AEAD_UNKNOWN',
  );
});
