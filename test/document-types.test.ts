/** The programs of README and docs/ are TypeScript: a user who pastes one into a strict project gets no errors. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { blocksOf, programFolder } from './document.js';
import { ROOT } from './repository.js';

const DOCUMENTS = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: ['node'],
  typeRoots: [join(ROOT, 'node_modules/@types')],
};

/** Writes the blocks of a language to a folder, each a module of its own; returns their paths. */
function programs(folder: string, language: string, ending: string): string[] {
  return DOCUMENTS.flatMap((document) =>
    blocksOf(document)
      .filter((block) => block.language === language)
      .map(({ text }, index) => {
        const path = join(folder, `${document.replaceAll(/\W/g, '-')}-${index + 1}.${ending}`);
        // A module whatever it imports.
        writeFileSync(path, `${text}\nexport {};\n`);
        return path;
      }),
  );
}

function errorsOf(paths: readonly string[], options: ts.CompilerOptions): string[] {
  return ts.getPreEmitDiagnostics(ts.createProgram(paths, options)).map((error) => {
    const text = ts.flattenDiagnosticMessageText(error.messageText, ' ');
    if (error.file === undefined || error.start === undefined) return text;
    const { line } = error.file.getLineAndCharacterOfPosition(error.start);
    return `${error.file.fileName.split('/').at(-1) ?? ''}:${line + 1} ${text}`;
  });
}

test('every ts block of the documents compiles under strict', () => {
  const paths = programs(programFolder(), 'ts', 'mts');
  assert.ok(paths.length >= 13);
  assert.deepEqual(errorsOf(paths, OPTIONS), []);
});

test('those that start with vtep itself compile with noUncheckedIndexedAccess too', () => {
  const paths = programs(programFolder(), 'ts', 'mts').filter((path) =>
    /from 'vtep';/.test(readFileSync(path, 'utf8')),
  );
  assert.ok(paths.length >= 4);
  assert.deepEqual(
    errorsOf(paths, { ...OPTIONS, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true }),
    [],
  );
});
