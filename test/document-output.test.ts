/** What README and docs/ show of the command line is what it prints, at 80 columns. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { MAIN } from './cli/run.js';
import { blocksOf } from './document.js';
import { ROOT } from './repository.js';

const DOCUMENTS = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)].filter((path) =>
  path.endsWith('.md'),
);

/** A line without what depends on the machine: the cipher, and the width of its column. */
function comparable(line: string): string {
  return line
    .replace(/\b(ipsec-mb|openssl|node|forge)\b/g, 'CIPHER')
    .replace(/ +/g, ' ')
    .trimEnd();
}

/** Whether lines are those shown; `...` stands for any lines. */
function matches(shown: readonly string[], printed: readonly string[]): boolean {
  if (shown.length === 0) return printed.length === 0;
  const [first, ...rest] = shown;
  if (first.trim() === '...') {
    return Array.from({ length: printed.length + 1 }, (_, i) => i).some((i) => matches(rest, printed.slice(i)));
  }
  return printed.length > 0 && first === printed[0] && matches(rest, printed.slice(1));
}

describe('documents show what the command line prints', () => {
  const sessions = DOCUMENTS.flatMap((path) =>
    blocksOf(path)
      .filter(({ language }) => language === 'console')
      .map(({ text }) => ({ path, text })),
  );

  test('there are such blocks', () => assert.ok(sessions.length >= 4));

  for (const { path, text } of sessions) {
    // A command may continue on the next line, after a backslash.
    const [, given, output] = /^((?:.*\\\n)*.*)\n?([\s\S]*)$/.exec(text.trimEnd()) ?? [];
    const command = given.replace(/\\\n\s*/g, '');
    const shown = output.split('\n');
    test(`${path}: ${command}`, () => {
      const [prompt, program, ...args] = command.split(' ');
      assert.deepEqual([prompt, program], ['$', 'vtep']);
      // Under npm, the command line names itself as npm runs it.
      const own = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'));
      const env = { ...Object.fromEntries(own), COLUMNS: '80' };
      const call = spawnSync(process.execPath, [MAIN, ...args], { cwd: ROOT, env, timeout: 60_000 });
      assert.equal(call.status, 0, call.stderr.toString());
      const printed = call.stdout.toString().trimEnd().split('\n').map(comparable);
      assert.ok(matches(shown.map(comparable), printed), `it prints:\n${printed.join('\n')}`);
    });
  }
});
