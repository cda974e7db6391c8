import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { readToken } from '../../../src/cli/join/join-token.js';
import { UsageError } from '../../../src/cli/usage-error.js';
import { JoinError } from '../../../src/join/index.js';
import { scratch } from '../run.js';

const TOKEN = `SWMTKN-1-${'0'.repeat(49)}1-${'a'.repeat(25)}`;
const folder = scratch();

async function read(
  values: { token?: string; tokenFile?: string },
  { env = {}, input = '' }: { env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<string | undefined> {
  const { token, tokenFile } = values;
  const found = await readToken({ token, tokenFile }, env, Readable.from([Buffer.from(input)]));
  return found?.use((text) => text);
}

function fileWith(text: string): string {
  const path = join(folder, 'token');
  writeFileSync(path, text);
  return path;
}

describe('the join token', () => {
  test('comes from an argument, a file, standard input or the environment', async () => {
    assert.equal(await read({ token: TOKEN }), TOKEN);
    assert.equal(await read({ tokenFile: fileWith(`${TOKEN}\n`) }), TOKEN);
    assert.equal(await read({ tokenFile: '-' }, { input: `${TOKEN}\n` }), TOKEN);
    assert.equal(await read({}, { env: { VTEP_TOKEN: TOKEN } }), TOKEN);
    assert.equal(await read({}), undefined);
  });

  test('is found in what docker swarm join-token prints', async () => {
    const text = `To add a worker to this swarm, run the following command:\n\n    docker swarm join --token ${TOKEN} 192.168.50.1:2377\n\n`;
    assert.equal(await read({ tokenFile: fileWith(text) }), TOKEN);
    assert.equal(await read({ tokenFile: '-' }, { input: text }), TOKEN);
  });

  test('is removed from the environment that children inherit', async () => {
    const env = { VTEP_TOKEN: TOKEN };
    await read({}, { env });
    assert.equal(env.VTEP_TOKEN, '');
  });

  test('of standard input is not waited for beyond its line', async () => {
    async function* endless(): AsyncGenerator<Buffer> {
      yield Buffer.from(`${TOKEN}\n`);
      await new Promise(() => undefined);
    }
    const found = await readToken({ token: undefined, tokenFile: '-' }, {}, endless());
    assert.equal(
      found?.use((text) => text),
      TOKEN,
    );
  });

  test('an empty, too large or wrong one is refused, and never shown', async () => {
    await assert.rejects(read({ tokenFile: fileWith(' \n') }), UsageError);
    await assert.rejects(read({ tokenFile: '-' }, { input: '' }), /standard input: empty/);
    await assert.rejects(read({ tokenFile: '-' }, { input: 'x'.repeat(5000) }), /too large/);
    await assert.rejects(read({ tokenFile: join(folder, 'none') }), /no such file/);
    await assert.rejects(
      read({ token: `${TOKEN}b` }),
      (error) => error instanceof JoinError && error.code === 'BAD_TOKEN' && !error.message.includes('aaaa'),
    );
  });
});
