/** Completion scripts, in the shells themselves. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { COMMANDS } from '../../../src/cli/commands.js';
import { commandTree } from '../../../src/cli/completion/command-tree.js';
import { scratch, vtep } from '../run.js';

const folder = scratch();
mkdirSync(join(folder, 'captures dir'));
writeFileSync(join(folder, 'wire one.pcap'), '');

async function script(shell: string): Promise<string> {
  const { status, stdout, stderr } = await vtep(['completion', shell]);
  assert.equal(status, 0, stderr);
  const path = join(folder, `vtep.${shell}`);
  writeFileSync(path, stdout);
  return path;
}

/** Whether a shell is missing, as the reason to skip its tests. */
function missing(shell: string): string | false {
  return spawnSync(shell, ['--version']).status === 0 ? false : `needs ${shell}`;
}

/** What to complete, where the cursor is at the end, and what is expected among the offers, or as all of them. */
const CASES: readonly { readonly line: string; readonly all?: readonly string[]; readonly some?: readonly string[] }[] =
  [
    { line: 'vtep in', all: ['inspect', 'inject'] },
    { line: 'vtep ', some: ['inspect', 'keys', 'up', 'completion', 'help'] },
    { line: 'vtep keys ', some: ['generate', 'rotate', 'spi', 'schedule', 'match', 'timeline'] },
    { line: 'vtep help keys ma', all: ['match'] },
    { line: 'vtep keys ma', all: ['match'] },
    { line: 'vtep inspect --pa', all: ['--packets'] },
    { line: 'vtep keys match --r', all: ['--ring'] },
    { line: 'vtep inspect x.pcap --aead ', all: ['forge', 'ipsec-mb', 'node', 'openssl'] },
    { line: 'vtep decap x.pcap --format pcapn', all: ['pcapng'] },
    { line: 'vtep inspect x.pcap --vni ', all: [] },
    { line: 'vtep inspect wi', all: ['wire one.pcap'] },
    { line: 'vtep inspect --keys wi', all: ['wire one.pcap'] },
    { line: 'vtep capture an', all: ['any'] },
    { line: 'vtep inject x.pcap --to an', all: ['any'] },
    { line: 'vtep completion b', all: ['bash'] },
    { line: 'vtep mtu ', all: [] },
    { line: 'vtep jo', all: ['join'] },
    { line: 'vtep join 10.0.0.1 --availability ', all: ['active', 'drain', 'pause'] },
    { line: 'vtep join 10.0.0.1 --token-file wi', all: ['wire one.pcap'] },
    { line: 'vtep join wi', all: [] },
    { line: 'vtep join 10.0.0.1 --at', all: ['--attach'] },
    { line: 'vtep nonsense ', some: [] },
  ];

/** Asserts that a shell offers what it should. */
function check(offers: readonly string[], { line, all, some }: (typeof CASES)[number]): void {
  if (all !== undefined) assert.deepEqual([...offers].sort(), [...all].sort(), line);
  for (const one of some ?? []) assert.ok(offers.includes(one), `${line}: ${offers.join(' ')}`);
}

describe('bash', { skip: missing('bash') }, () => {
  let path = '';
  before(async () => {
    path = await script('bash');
  });

  /** The offers of bash itself for a line, which is split as bash splits it. */
  function offers(line: string): string[] {
    const words = line.split(/ |(=)/).filter((word) => (word as string | undefined) !== undefined);
    const program = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vtep; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const call = spawnSync('bash', ['--norc', '-c', program, 'bash', path, ...words], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.equal(call.stderr, '');
    return call.stdout.split('\n').filter((offer) => offer !== '');
  }

  for (const one of CASES) test(`completes "${one.line}"`, () => check(offers(one.line), one));

  test('completes the value in --option=value', () => {
    assert.deepEqual(offers('vtep inspect --aead=op'), ['openssl']);
    assert.deepEqual(offers('vtep inspect --aead='), ['ipsec-mb', 'openssl', 'node', 'forge']);
    assert.deepEqual(offers('vtep inspect --keys=wi'), ['wire one.pcap']);
  });

  test('offers every command and every option', async () => {
    for (const { path: at, options, commands } of await commandTree(COMMANDS)) {
      const names = options.flatMap((option) => option.names);
      assert.deepEqual(offers(`${at} -`).sort(), names.sort(), at);
      if (commands.length > 0) assert.deepEqual(offers(`${at} `), ['help', ...commands.map(({ name }) => name)], at);
    }
  });

  test('is registered for vtep', () => {
    const call = spawnSync('bash', ['--norc', '-c', 'source "$1"; complete -p vtep', 'bash', path], {
      encoding: 'utf8',
    });
    assert.equal(call.stdout, 'complete -F _vtep vtep\n');
  });
});

describe('zsh', { skip: missing('zsh') }, () => {
  test('parses the script', async () => {
    const call = spawnSync('zsh', ['-n', await script('zsh')], { encoding: 'utf8' });
    assert.deepEqual([call.status, call.stderr], [0, '']);
  });
});

describe('fish', { skip: missing('fish') }, () => {
  for (const one of CASES) {
    test(`completes "${one.line}"`, async () => {
      const program = 'source $argv[1]; complete -C $argv[2]';
      const path = await script('fish');
      const call = spawnSync('fish', ['--no-config', '-c', program, path, one.line], { cwd: folder, encoding: 'utf8' });
      const offers = call.stdout.split('\n').map((line) => line.split('\t')[0].replaceAll('\\ ', ' '));
      check(
        offers.filter((offer) => offer !== ''),
        one,
      );
    });
  }
});

test('descriptions with quotes and colons are escaped for each shell', async () => {
  const nodes = await commandTree(COMMANDS);
  const texts = nodes.flatMap(({ options }) => options.map(({ description }) => description));
  assert.ok(texts.some((text) => text.includes("'")) && texts.some((text) => text.includes(':')));
  assert.match((await vtep(['completion', 'zsh'])).stdout, /'--no-checksums:don'\\''t verify checksums'/);
  assert.match((await vtep(['completion', 'fish'])).stdout, / -l no-checksums -d 'don\\'t verify checksums'/);
});

test('other shells are refused', async () => {
  const { status, stderr } = await vtep(['completion', 'tcsh']);
  assert.deepEqual([status, stderr], [2, 'vtep: completion takes bash, zsh or fish, not "tcsh"\n']);
});
