/** `import 'vtep'` is cheap: what takes long to load is loaded by the functions that need it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { ROOT } from './repository.js';

/** Modules and packages that importing a module loads. */
function loadedBy(start: string): { modules: Set<string>; packages: Set<string> } {
  const modules = new Set([start]);
  const packages = new Set<string>();
  for (const module of modules) {
    const text = readFileSync(module, 'utf8');
    for (const [, name] of text.matchAll(/^(?:import|export) (?:[\w*{},\s]* from )?'([^']+)';/gm)) {
      if (name.startsWith('.')) modules.add(resolve(dirname(module), name));
      else if (!name.startsWith('node:')) packages.add(name);
    }
  }
  return { modules, packages };
}

describe("import 'vtep'", () => {
  const { modules, packages } = loadedBy(join(ROOT, 'dist/src/index.js'));

  test('loads a fifth of the modules, and one package', () => {
    const all = loadedBy(join(ROOT, 'dist/src/cli/replay/replay.js'));
    // The counting itself works.
    assert.ok(all.modules.size > 150, String(all.modules.size));
    assert.ok(modules.size > 20 && modules.size <= 64, `${modules.size}: ${[...modules].join('\n')}`);
    assert.deepEqual([...packages], ['buffer-layout']);
  });

  test('loads no native code, however it is asked for', () => {
    const code = `import { createRequire } from 'node:module';
await import('vtep');
const { cache } = createRequire(process.cwd() + '/x.js');
console.log(JSON.stringify([...new Set(Object.keys(cache).map((name) => /node_modules.([^/]+)/.exec(name)?.[1]))]));`;
    const call = spawnSync(process.execPath, ['--input-type=module', '-e', code], { cwd: ROOT, encoding: 'utf8' });
    assert.equal(call.stderr, '');
    assert.deepEqual(JSON.parse(call.stdout), ['buffer-layout']);
  });
});
