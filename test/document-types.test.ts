/** The programs of README, docs/ and docstrings are TypeScript: pasted into a strict project, they give no errors. */
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

/** What people start with: each has an example in the API reference. */
const STARTING_POINTS = [
  ...['openOverlay', 'openFrames', 'conversations', 'edit', 'createCapture', 'simulate'],
  ...['openCaptureFile', 'openCapture', 'batchesOf', 'PcapWriter', 'PcapngWriter', 'Layers', 'walkLink'],
  ...['UnderlayDecoder', 'EgressChain', 'IngressChain', 'Survey', 'surveyFlows', 'captureSvg'],
  ...['parseConfig', 'parseKeys', 'parseKeyRing', 'parseXfrmState', 'parseEspSa', 'NodeTables', 'mtuOf'],
  ...['chooseAead', 'OutboundEsp', 'InboundEsp', 'NodeSas', 'KeyRing', 'RingResolver', 'RotationSchedule'],
  ...['LiveVtep', 'WorkerGroup', 'openGossip', 'startGossipThread'],
];

/** An `@example` of a docstring. */
interface Example {
  /** Of the declaration that it is about. */
  readonly name: string;
  readonly text: string;
}

/** The examples of the sources: from `@example` to the next tag. */
function examples(): Example[] {
  const sources = ['src', 'native-free'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => join(ROOT, folder, path)),
  );
  return sources.flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/\/\*\*\n((?: *\*(?!\/).*\n)+) *\*\/\n *(.*)/g)].flatMap(
      ([, comment, declaration]) => {
        const lines = comment.split('\n').map((line) => line.replace(/^ *\* ?/, ''));
        const name = /(?:function\*?|class|const|interface) (\w+)|(\w+)\(/.exec(declaration);
        return lines.flatMap((line, index) => {
          if (line !== '@example') return [];
          const after = lines.slice(index + 1);
          const end = after.findIndex((other) => /^@[a-z]+\b/.test(other));
          const text = after.slice(0, end < 0 ? undefined : end).filter((other) => !other.startsWith('```'));
          return [{ name: name?.[1] ?? name?.[2] ?? '', text: text.join('\n') }];
        });
      },
    ),
  );
}

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

test('what people start with has an example in the API reference', () => {
  const names = new Set(examples().map(({ name }) => name));
  assert.deepEqual(
    STARTING_POINTS.filter((name) => !names.has(name)),
    [],
  );
});

test('every example of the API reference is a program that compiles under strict', () => {
  const folder = programFolder();
  const paths = examples().map(({ name, text }, index) => {
    assert.match(text, /^import /, `the example of ${name} says what it imports`);
    const path = join(folder, `${name}-${index}.mts`);
    writeFileSync(path, text);
    return path;
  });
  assert.ok(paths.length >= STARTING_POINTS.length);
  assert.deepEqual(errorsOf(paths, OPTIONS), []);
});
