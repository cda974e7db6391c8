/** docs/cli.md says what the commands say. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { format, resolveConfig } from 'prettier';
import { COMMANDS } from '../../src/cli/commands.js';
import { commandTree } from '../../src/cli/completion/command-tree.js';
import { cliReference } from '../../src/cli/reference.js';
import { ROOT } from '../repository.js';

const FILE = join(ROOT, 'docs/cli.md');

test('docs/cli.md is current; npm run docs:cli writes it', async () => {
  const text = await format(await cliReference(COMMANDS), { ...(await resolveConfig(FILE)), filepath: FILE });
  assert.equal(readFileSync(FILE, 'utf8'), text);
});

test('it has a section for each command, with every option, examples and the exit status', async () => {
  const sections = (await cliReference(COMMANDS)).split(/^## /m);
  for (const { path, options, command } of await commandTree(COMMANDS)) {
    if (command === undefined) continue;
    const section = sections.find((one) => one.startsWith(`${path}\n`)) ?? '';
    const names = options.filter(({ names: [name] }) => name !== '--help');
    for (const { names: given } of names)
      for (const name of given) assert.ok(section.includes(name), `${path} ${name}`);
    for (const [example] of command.examples) assert.ok(section.includes(`\n${example}\n`), example);
    assert.match(section, /\| Exit status \| Meaning \|\n[^\n]*\n\| 0 \| done \|\n/);
  }
});
