/** Programs out of documents, run as they stand there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { MAIN, scratch } from './cli/run.js';
import { ROOT } from './repository.js';

/** A block of a document between fences. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** The heading above it. */
  readonly heading: string;
}

/** The blocks of a document, in their order; `path` from the repository's root. */
export function blocksOf(path: string): Block[] {
  const blocks: Block[] = [];
  let heading = '';
  for (const [, title, language, text] of readFileSync(join(ROOT, path), 'utf8').matchAll(
    /^#+ (.*)$|^```(\w*)\n([\s\S]*?)^```$/gm,
  ) as Iterable<(string | undefined)[]>) {
    if (title !== undefined) heading = title;
    else blocks.push({ language: language ?? '', text: text ?? '', heading });
  }
  return blocks;
}

/** A folder that is gone after the test file, in which `vtep` is this checkout, as after `npm install vtep`. */
export function programFolder(): string {
  const folder = scratch();
  // The package resolves by its name and its exports.
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'vtep'));
  return folder;
}

/**
 * Runs a program, TypeScript or (as `cjs`) CommonJS, in a process of its own, and returns the lines that it prints; it must not fail. Its
 * types are checked by `document-types.test.ts`.
 */
export function runProgram(folder: string, code: string, extension: 'mjs' | 'cjs' = 'mjs'): string[] {
  const file = join(folder, `program.${extension}`);
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  writeFileSync(file, extension === 'cjs' ? code : ts.transpileModule(code, { compilerOptions }).outputText);
  const call = spawnSync(process.execPath, [file], { cwd: folder, timeout: 30_000 });
  assert.equal(call.status, 0, call.stderr.toString());
  return call.stdout.toString().trimEnd().split('\n');
}

/** A directory with `vtep` in it: this checkout's. */
export function pathWithVtep(): string {
  const bin = scratch();
  writeFileSync(join(bin, 'vtep'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`, {
    mode: 0o755,
  });
  return bin;
}

/** Runs commands in a shell that finds `vtep`, and returns the lines that they print; none may fail. */
export function runShell(folder: string, commands: string): string[] {
  const env = { ...process.env, PATH: `${pathWithVtep()}:${process.env['PATH'] ?? ''}`, LC_ALL: 'C.UTF-8' };
  const call = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', commands], { cwd: folder, env, timeout: 60_000 });
  assert.equal(call.status, 0, call.stderr.toString());
  return call.stdout.toString().trimEnd().split('\n');
}
