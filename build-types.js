/**
 * Writes the declarations, and removes those that no entry point of the package refers to: a tenth of its size.
 *
 * Usage: node build-types.js
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import process from 'node:process';

const TSC = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const BUILD_INFO = 'dist/.tsbuildinfo-types';

function compile() {
  const { status } = spawnSync(process.execPath, [TSC, '-p', 'tsconfig.types.json'], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** The declarations that the entry points refer to; undefined if one is missing. */
function reachable() {
  const { exports: entries } = JSON.parse(readFileSync('package.json', 'utf8'));
  const todo = Object.values(entries).flatMap(({ types }) => (types === undefined ? [] : [types]));
  const reached = new Set();
  for (let file = todo.pop(); file !== undefined; file = todo.pop()) {
    const path = normalize(file);
    if (reached.has(path)) continue;
    if (!existsSync(path)) return undefined;
    reached.add(path);
    for (const [, specifier] of readFileSync(path, 'utf8').matchAll(
      /(?:from|import\(|import) ?['"](\.[^'"]+)\.js['"]/g,
    )) {
      todo.push(join(dirname(path), `${specifier}.d.ts`));
    }
  }
  return reached;
}

compile();
let reached = reachable();
if (reached === undefined) {
  // One that wasn't reachable at the last build, and so was removed.
  rmSync(BUILD_INFO, { force: true });
  compile();
  reached = reachable();
}
for (const folder of ['dist/src', 'dist/native-free']) {
  for (const name of readdirSync(folder, { recursive: true })) {
    const path = normalize(join(folder, name));
    if (path.endsWith('.d.ts') && reached?.has(path) === false) rmSync(path);
  }
}
