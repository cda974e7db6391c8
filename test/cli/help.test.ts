/** Help texts fit the terminal. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { type Command, type CommandGroup } from '../../src/cli/command.js';
import { COMMANDS } from '../../src/cli/commands.js';
import { commandHelp, groupHelp, helpWidth } from '../../src/cli/help.js';
import { MAIN } from './run.js';

/** All commands, with their full names. */
async function commands(group: CommandGroup = COMMANDS, path = 'vtep'): Promise<[string, Command][]> {
  const found: [string, Command][] = [];
  for (const entry of group.commands) {
    const name = `${path} ${entry.name}`;
    if ('commands' in entry) found.push(...(await commands(entry, name)));
    else found.push([name, await entry.load()]);
  }
  return found;
}

/** The words of a text, without line breaks, margins, and what marks a wrapped line of an example. */
function wordsOf(text: string): string {
  return text
    .replaceAll(/ \\\n|\n\s*# /g, ' ')
    .split(/\s+/)
    .join(' ');
}

test('help is as wide as the terminal, from 40 to 100 columns, and 80 without one', () => {
  assert.deepEqual([undefined, 20, 40, 72, 100, 300].map(helpWidth), [80, 40, 40, 72, 100, 100]);
});

for (const width of [40, 60, 80, 100]) {
  test(`at ${width} columns, no line of any help text is longer, and no word is cut`, async () => {
    const texts = [
      ...(await commands()).map(([path, command]) => [path, (at: number) => commandHelp(path, command, at)] as const),
      ['vtep', (at: number) => groupHelp('vtep', COMMANDS, at)] as const,
    ];
    for (const [path, help] of texts) {
      const text = help(width);
      for (const line of text.split('\n')) assert.ok(line.length <= width, `${path}: ${line}`);
      assert.equal(wordsOf(text), wordsOf(help(100_000)), path);
    }
  });
}

test('each command has a description, examples of itself, and options that say what they do', async () => {
  const all = await commands();
  assert.ok(all.length >= 15);
  for (const [path, { description, examples, options, operand }] of all) {
    assert.ok(description.length > 0, path);
    assert.ok(examples.length >= 2 && examples.length <= 3, path);
    for (const [invocation, does] of examples) {
      assert.ok(invocation.includes(`${path} `) || invocation === path, invocation);
      assert.ok(does.length > 0, invocation);
    }
    for (const option of [...Object.values(options), ...(operand === undefined ? [] : [operand])]) {
      assert.match(option.description, /^\S.*[^.\s]$/, `${path}: ${option.description}`);
    }
  }
});

test('the help of vtep itself lists -V, which commands do not have', async () => {
  assert.match(groupHelp('vtep', COMMANDS, 80), /^ {2}-V, --version +show the version$/m);
  for (const [path, command] of await commands()) assert.doesNotMatch(commandHelp(path, command, 80), /--version/);
});

describe('on a terminal', () => {
  const script = spawnSync('script', ['--version']).status === 0;
  for (const columns of [50, 90]) {
    test(`of ${columns} columns, vtep mtu --help fits it`, { skip: script ? false : 'needs script(1)' }, () => {
      const command = `stty cols ${columns}; ${process.execPath} ${MAIN} mtu --help`;
      const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8', input: '' });
      const widths = stdout.split(/\r?\n/).map((line) => line.length);
      assert.ok(widths.length > 10, stdout);
      assert.ok(Math.max(...widths) <= columns && Math.max(...widths) > columns - 12, stdout);
    });
  }
});
