/** The package as others get it: what is in it, and that it works where nothing else is. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { before, describe, test } from 'node:test';
import { scratch } from './cli/run.js';
import { ROOT } from './repository.js';

/** Maximum bytes of the tarball: 1,380 kB of the library and its types, 960 kB of the command line, 350 kB of the explorer, 260 kB of documents, 100 kB of a recording. */
const LARGEST = 3_150_000;
/** Without the build that comes before it as a rule: other tests read what it would write. */
const PACK = ['pack', '--json', '--ignore-scripts'];
/** Fetched once by `npm ci`: the cache has it. */
const INSTALL = ['install', '--prefer-offline', '--omit=optional', '--no-package-lock'];

/** The recording that README's commands use, and what belongs to it. */
const RECORDING = [
  'fixtures/README.md',
  'fixtures/docker/07-encrypted.overlay.yaml',
  'fixtures/docker/07-encrypted.esp.pcap',
  'fixtures/docker/swarm-keys.txt',
];

/** What `vtep explore` serves, and what also works alone. */
const EXPLORER = 'dist/native-free/explorer/explorer.html';

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

interface Manifest {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
const entries = Object.entries(manifest.exports).flatMap(([path, entry]) =>
  typeof entry === 'string' ? [] : [{ name: `vtep${path.slice(1)}`, ...entry }],
);
/** A program that names every entry, and holds some types against what they should be. */
const TYPED = `${entries.map(({ name }, i) => `import * as entry${i} from '${name}';`).join('\n')}
import { type Frame, openOverlay, type PacketSource } from 'vtep';
import { HeaderError, parseIpv4 } from 'vtep/wire';
export const size: number = parseIpv4('10.0.9.3').length;
export const fault: HeaderError = HeaderError.None;
export const next = (source: PacketSource): Promise<object | undefined> => source.next();
export const frames: AsyncIterable<Frame> = openOverlay('wire.pcap', { keys: 'keys.txt' });
// @ts-expect-error it takes text
parseIpv4(1);
export const all = [${entries.map((_, i) => `entry${i}`).join(', ')}];
`;
const folder = scratch();

function run(program: string, ...words: readonly string[]): string {
  const call = spawnSync(program, words, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
  assert.equal(call.status, 0, `${program} ${words.join(' ')}: ${call.stdout}${call.stderr}`);
  return call.stdout;
}

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

/** The files of a build that are needed where some of them are: what each names, and what those name. */
function reached(from: readonly string[], all: ReadonlySet<string>): Set<string> {
  const found = new Set(from.map((path) => posix.normalize(path)));
  for (const path of found) {
    const text = readFileSync(join(ROOT, path), 'utf8');
    for (const [, name] of text.matchAll(/(?:\bfrom |\bimport ?|\bimport\(|new URL\()["']([^'"]+\.js)["']/g)) {
      const file = posix.join(dirname(path), path.endsWith('.d.ts') ? name.replace(/\.js$/, '.d.ts') : name);
      if (all.has(file)) found.add(file);
    }
  }
  return found;
}

function pack(): Packed {
  const call = spawnSync('npm', [...PACK, '--pack-destination', folder], { cwd: ROOT, encoding: 'utf8' });
  assert.equal(call.status, 0, call.stderr);
  const [packed] = JSON.parse(call.stdout) as [Packed];
  return packed;
}

const packed = pack();
const files = new Set(packed.files.map(({ path }) => path));

describe('the package', () => {
  test('has less than 3,150 kB', () => {
    assert.ok(packed.size < LARGEST, `${packed.size} bytes`);
  });

  test('holds what an import or the command reaches, and nothing else', () => {
    const programs = entries.map((entry) => entry.default);
    const needed = reached([...programs, manifest.bin['vtep']], files);
    const besides = [...files].filter((path) => !path.endsWith('.d.ts') && !needed.has(path));
    // Modules of types alone have no code that anything could import.
    const code = besides.filter((path) => !path.endsWith('.js') || !isEmpty(path));
    assert.deepEqual(
      code.filter((path) => !/^docs\/(deploy\/)?[\w-]+(\.(md|svg|yaml|yml|json|conf|service))?$/.test(path)).sort(),
      ['CHANGELOG.md', 'LICENSE', 'README.md', EXPLORER, ...RECORDING, 'dist/cli/LICENSES', 'package.json'].sort(),
    );
  });

  test('holds what the README links to and the files that its commands read', () => {
    const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const links = [...text.matchAll(/\]\(([^)#:]+)/g)].map(([, path]) => path);
    const read = [...text.matchAll(/\bfixtures\/[\w./-]+/g)].map(([path]) => path);
    assert.ok(links.length > 10 && read.length > 3);
    for (const path of [...links, ...read]) assert.ok(files.has(path), path);
  });

  test('holds the types of the rooms that are exported, and of no others', () => {
    const types = [...files].filter((path) => path.endsWith('.d.ts'));
    const needed = reached(
      entries.map((entry) => entry.types),
      files,
    );
    const rooms = new Set([...needed].map(dirname));
    assert.deepEqual(
      types.filter((path) => !rooms.has(dirname(path))),
      [],
    );
    for (const path of needed) assert.ok(files.has(path), path);
  });

  test('describes each entry under the name by which it is imported', () => {
    for (const { name, types } of entries) {
      const [comment] = readFileSync(join(ROOT, types.replace('dist/', '').replace('.d.ts', '.ts')), 'utf8').split(
        '*/',
      );
      assert.equal(/@module (.*)/.exec(comment)?.[1], name);
    }
  });
});

describe('the package, installed in an empty folder without optional packages', () => {
  before(() => {
    write('package.json', '{ "private": true }');
    run('npm', ...INSTALL, `./${packed.filename}`);
    for (const name of Object.keys(manifest.optionalDependencies)) {
      assert.equal(spawnSync(process.execPath, ['-e', `require.resolve('${name}')`], { cwd: folder }).status, 1, name);
    }
  });

  const names = JSON.stringify(entries.map(({ name }) => name));
  const told = 'console.log(JSON.stringify(Object.fromEntries(all)))';

  test('every entry is imported by a module and required by a CommonJS program, and is the same', () => {
    const esm = `const all = [];
for (const name of ${names}) all.push([name, Object.keys(await import(name)).length]);
${told}`;
    const cjs = `const all = ${names}.map((name) => [name, Object.keys(require(name)).length]);
${told}`;
    const imported = JSON.parse(run(process.execPath, write('esm.mjs', esm))) as Record<string, number>;
    assert.equal(Object.keys(imported).length, entries.length);
    for (const [name, count] of Object.entries(imported)) assert.ok(count > 0, name);
    assert.deepEqual(JSON.parse(run(process.execPath, write('cjs.cjs', cjs))), imported);
  });

  test('a CommonJS program of a Node that requires no modules imports it', () => {
    const code = `import('vtep/wire').then(({ parseIpv4, formatIpv4 }) => console.log(formatIpv4(parseIpv4('10.0.9.3'), 0)))`;
    const words = ['--no-experimental-require-module', write('older.cjs', code)];
    assert.equal(run(process.execPath, ...words), '10.0.9.3\n');
  });

  test('says no more than the program does: no warning of an experiment', () => {
    const call = spawnSync(process.execPath, [write('quiet.cjs', `require('vtep')`)], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.deepEqual([call.status, call.stdout, call.stderr], [0, '', '']);
  });

  for (const [what, files, resolution] of [
    ['a module and a CommonJS program', ['all.mts', 'all.cts'], ['--module', 'nodenext']],
    ['a bundler', ['all.ts'], ['--module', 'esnext', '--moduleResolution', 'bundler']],
  ] as const) {
    test(`its types hold for ${what}, without types of Node's or of other packages`, () => {
      const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
      const strict = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2022', '--lib', 'es2024,dom'];
      run(process.execPath, compiler, ...strict, ...resolution, ...files.map((file) => write(file, TYPED)));
    });
  }

  test('the command works', () => {
    assert.equal(run('npx', '--no', '--', 'vtep', '--version'), `${manifest.version}\n`);
    assert.match(run('npx', '--no', '--', 'vtep', 'mtu'), /underlay MTU +1500/);
    const bench = `import('./node_modules/vtep/dist/bench/index.js').then(({ runBench }) => console.log(typeof runBench))`;
    assert.equal(run(process.execPath, '-e', bench), 'function\n');
    // At once, rather than after the measurement.
    const options = { cwd: folder, encoding: 'utf8', timeout: 30_000 } as const;
    for (const option of ['--peers', '--live']) {
      const { status, stderr } = spawnSync('npx', ['--no', '--', 'vtep', 'bench', option], options);
      assert.deepEqual([status, /needs a checkout/.test(stderr)], [2, true], stderr);
    }
    assert.match(run('npx', '--no', '--', 'vtep', 'demo'), /byte for byte as it was sent/);
  });
});

function isEmpty(path: string): boolean {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '').trim() === 'export {};';
}
