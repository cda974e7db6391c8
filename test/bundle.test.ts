/** The bundle of the command line (bundle.js): what the build's tests can't see, as it is made of what is built. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { MAIN } from './cli/run.js';
import { ROOT } from './repository.js';

const folder = dirname(MAIN);
const modules = readdirSync(folder)
  .filter((name) => name.endsWith('.js'))
  .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));

describe('the bundle of the command line', () => {
  test('has each file that it names: threads, processes, package.json', () => {
    const named = modules.flatMap(({ text }) =>
      [...text.matchAll(/new URL\("([\w./-]+)", import\.meta\.url\)/g)].map(([, path]) => path),
    );
    for (const thread of ['tap-thread', 'dns-thread', 'config-thread', 'worker-thread', 'replay-worker']) {
      assert.ok(named.includes(`./${thread}.js`), thread);
    }
    for (const path of named) assert.ok(existsSync(join(folder, path)), path);
    assert.ok(existsSync(join(folder, 'LICENSES')));
  });

  test('declares what is never assigned to as constant, which V8 folds into the packet path', () => {
    let constants = 0;
    for (const { name, text } of modules) {
      constants += text.match(/^const \w+ = \d+;$/gm)?.length ?? 0;
      for (const [, variable] of text.matchAll(/^var (\w+) = /gm)) {
        // After its declaration: `x = `, `x += `, `x++`, `++x`, `[x, y] = `.
        const assigned = new RegExp(
          `(^|[^.\\w])(?<!var )${variable}( ([-+*/%&|^?<>]{0,3})= |\\+\\+|--)|(\\+\\+|--)${variable}\\b|[[{,] ?${variable}\\b[^;]*[\\]}] = `,
          'm',
        );
        assert.match(text, assigned, `${name}: var ${variable}`);
      }
    }
    assert.ok(constants > 500, String(constants));
  });

  test('loads no package at its start that is bundled', () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const loaded = modules.flatMap(({ text }) =>
      [...text.matchAll(/^import .*from "([^"./][^"]*)"/gm)].map(([, n]) => n),
    );
    const packages = Object.keys(dependencies).filter((name) => loaded.some((path) => path.split('/')[0] === name));
    assert.deepEqual(packages, ['node-forge']);
  });

  test('has a source map for each file, of sources that exist', () => {
    for (const { name } of modules) {
      const { sources } = JSON.parse(readFileSync(join(folder, `${name}.map`), 'utf8')) as { sources: string[] };
      for (const source of sources) assert.ok(existsSync(join(folder, source)), `${name}: ${source}`);
    }
  });
});
