/** The choice of a cipher, and the message about one that fails its self-test. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { AeadError, nodeBackend } from '../../../src/aead/index.js';
import { aeadOption } from '../../../src/cli/options/aead-option.js';
import { ROOT } from '../../repository.js';

test('reports a cipher that fails its self-test on standard error, and uses the next one', () => {
  const url = (path: string): string => JSON.stringify(pathToFileURL(join(ROOT, 'dist', path)).href);
  const program = `
    const { nodeBackend } = await import(${url('src/aead/index.js')});
    const { aeadOption } = await import(${url('src/cli/options/aead-option.js')});
    const broken = {
      name: 'broken',
      create() {
        const aead = nodeBackend.create();
        aead.seal = () => undefined;
        return aead;
      },
    };
    const { aead } = await aeadOption(undefined, [broken, nodeBackend]);
    console.log(aead.name);`;
  const call = spawnSync(process.execPath, ['--input-type=module', '-e', program]);
  assert.equal(call.stdout.toString(), 'node\n');
  assert.match(call.stderr.toString(), /^vtep: the cipher broken seals AES-128-GCM [^\n]* incorrectly: not used\n$/);
});

test('uses only the named cipher', async () => {
  const { aead } = await aeadOption('forge');
  assert.equal(aead.name, 'forge');
  await assert.rejects(
    () => aeadOption('forge', [nodeBackend]),
    (error) => error instanceof AeadError && error.code === 'AEAD_UNKNOWN',
  );
});
