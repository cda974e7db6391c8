/** The build (build.js): which constants it writes into the JavaScript as values, and when it writes files anew. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { scratch } from './cli/run.js';
import { ROOT } from './repository.js';

const CONSTANTS = `
const BASE = 14;
export const Kind = { Udp: 17, Negative: -3, Sum: BASE + 4, Name: 'udp' } as const;
export const Changing = { Udp: 17 };
export const HEADER = BASE + 4;
export const MASK = ~0xff & 0xffff;
export const ON = true;
export const NAME = 'udp';
export const LATER = Date.UTC(2000);
export let count = 1;
export function increment(): void {
  count++;
}
class Layout<Span extends number> {
  loose: Span;
  constructor(readonly span: Span) {
    this.loose = span;
  }
  twice(): Span {
    return this.span;
  }
}
const layout = new Layout(8 as const);
export const SPAN = layout.span;
export const OFFSET = layout.twice();
export const LOOSE = layout.loose;
export const OWN = () => HEADER + BASE;
`;

/** A line of a module that imports the constants, and what the build makes of it. */
const REPLACED: readonly (readonly [source: string, output: string])[] = [
  ['export const property = Kind.Udp;', 'export const property = 17;'],
  ['export const negative = 2 - Kind.Negative;', 'export const negative = 2 - (-3);'],
  ['export const power = Kind.Negative ** 2;', 'export const power = (-3) ** 2;'],
  ['export const sums = [HEADER, Kind.Sum, MASK];', 'export const sums = [18, 18, 65280];'],
  ['export const byType = SPAN + OFFSET;', 'export const byType = 8 + 8;'],
  ['export const boolean = !ON;', 'export const boolean = !true;'],
  ['export const text = `${HEADER}:${Kind.Udp}`;', 'export const text = `${18}:${17}`;'],
  ['export const keys = { HEADER: HEADER, [Kind.Udp]: 1 };', 'export const keys = { HEADER: 18, [17]: 1 };'],
  ['export const byDefault = (at: number = HEADER) => at;', 'export const byDefault = (at = 18) => at;'],
  ['export const typed = HEADER as typeof HEADER;', 'export const typed = 18;'],
];

/** Lines of the same module that stay as they are, because the value may change, is no number, or isn't the constant's. */
const KEPT: readonly string[] = [
  'export const changing = Changing.Udp;',
  'export const variable = () => count;',
  'export const texts = [NAME, Kind.Name];',
  'export const unknown = LATER;',
  'export const loose = LOOSE;',
  'export const method = HEADER.toFixed(1) + Kind.Udp.toFixed(1);',
  'export const shorthand = { HEADER };',
  'export const { Udp } = Kind;',
  'export const all = Object.entries(Kind);',
  'export const shadow = ((HEADER) => HEADER)(3);',
  'export const named = { HEADER: 5 }.HEADER;',
  'export const space = constants.HEADER;',
];

const IMPORTS = `import * as constants from './constants.js';
import { Changing, count, HEADER, Kind, LATER, LOOSE, MASK, NAME, OFFSET, ON, SPAN } from './index.js';
`;
const USES = `${IMPORTS}${[...REPLACED.map(([source]) => source), ...KEPT].join('\n')}
export const none = [Changing, count, HEADER, Kind, LATER, LOOSE, MASK, NAME, OFFSET, ON, SPAN, constants];
`;

const TSC = 'node_modules/typescript/bin/tsc';

interface Project {
  readonly folder: string;
  write(name: string, text: string): void;
  /** What was made of a source file. */
  output(name: string): string;
  /** Runs the build, or TypeScript's compiler. */
  run(compiler: 'build.js' | typeof TSC): { status: number | null; stdout: string };
}

function project(settings: object = {}): Project {
  const folder = scratch();
  const outDir = join(folder, 'dist');
  const compilerOptions = { rootDir: folder, outDir, tsBuildInfoFile: join(outDir, '.tsbuildinfo'), types: [] };
  function write(name: string, text: string): void {
    writeFileSync(join(folder, name), text);
  }
  mkdirSync(outDir);
  write('package.json', '{ "type": "module" }');
  const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: ['*.ts'], exclude: [], ...settings };
  write('tsconfig.json', JSON.stringify(config));
  return {
    folder,
    write,
    output: (name) => readFileSync(join(outDir, name), 'utf8'),
    run(compiler) {
      const words = [join(ROOT, compiler), '-p', join(folder, 'tsconfig.json')];
      return spawnSync(process.execPath, words, { encoding: 'utf8', timeout: 120_000 });
    },
  };
}

function sample(): Project {
  const made = project();
  made.write('constants.ts', CONSTANTS);
  made.write('index.ts', "export * from './constants.js';\n");
  made.write('uses.ts', USES);
  return made;
}

/** What the sample's module exports. */
function exportsOf({ folder }: Project): string {
  const program = `import(${JSON.stringify(pathToFileURL(join(folder, 'dist/uses.js')))})
    .then((all) => console.log(JSON.stringify({ ...all, variable: all.variable(), byDefault: all.byDefault() })))`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(stderr, '');
  return stdout;
}

describe('the build', () => {
  test('writes numbers and booleans that are known into the code, and leaves all else as tsc does', () => {
    const built = sample();
    assert.deepEqual(pick(built.run('build.js')), { status: 0, stdout: '' });
    const lines = built.output('uses.js').split('\n');
    const expected = [...REPLACED.map(([, output]) => output), ...KEPT];
    assert.deepEqual(lines.slice(2, 2 + expected.length), expected);
    assert.match(built.output('constants.js'), /^export const HEADER = BASE \+ 4;$/m);
    assert.match(built.output('constants.js'), /^export const OWN = \(\) => 18 \+ BASE;$/m);

    const byBuild = exportsOf(built);
    assert.deepEqual(pick(built.run(TSC)), { status: 0, stdout: '' });
    assert.ok(built.output('uses.js').includes('export const property = Kind.Udp;'));
    assert.equal(exportsOf(built), byBuild);
  });

  test('writes anew what uses a constant that has changed, or that comes from another file', () => {
    const built = project();
    built.write('first.ts', 'export const HEADER = 18;\n');
    built.write('second.ts', 'export const HEADER = 40;\n');
    built.write('index.ts', "export { HEADER } from './first.js';\n");
    built.write('uses.ts', "import { HEADER } from './index.js';\n\nexport const read = () => HEADER;\n");
    built.run('build.js');
    assert.match(built.output('uses.js'), /=> 18;$/m);
    built.write('first.ts', 'export const HEADER = 22;\n');
    built.run('build.js');
    assert.match(built.output('uses.js'), /=> 22;$/m);
    built.write('index.ts', "export { HEADER } from './second.js';\n");
    built.run('build.js');
    assert.match(built.output('uses.js'), /=> 40;$/m);
  });

  test('writes anew what tsc wrote, and is written anew by it', () => {
    const built = sample();
    for (const value of ['18', '18']) {
      built.write('constants.ts', CONSTANTS.replace('Udp: 17,', `Udp: ${value},`));
      built.run(TSC);
      assert.match(built.output('uses.js'), /^export const property = Kind\.Udp;$/m);
      built.run('build.js');
      assert.match(built.output('uses.js'), new RegExp(`^export const property = ${value};$`, 'm'));
    }
  });

  test('reports errors as tsc does, each time, with status 1', () => {
    const built = project();
    built.write('wrong.ts', "export const text: string = 'a';\nexport const wrong: number = text;\n");
    const { stdout } = built.run(TSC);
    assert.match(stdout, /wrong\.ts\(2,14\): error TS2322: Type 'string' is not assignable to type 'number'\.\n$/);
    assert.deepEqual(pick(built.run('build.js')), { status: 1, stdout });
    assert.deepEqual(pick(built.run('build.js')), { status: 1, stdout });
    built.write('tsconfig.json', '{');
    assert.equal(built.run('build.js').status, 1);
  });

  test("leaves no other module's constant in the walk over headers", () => {
    const built = project({
      compilerOptions: {
        rootDir: ROOT,
        outDir: 'dist',
        tsBuildInfoFile: 'dist/.tsbuildinfo',
        typeRoots: [join(ROOT, 'node_modules/@types')],
      },
      include: [],
      files: ['layers.ts', 'buffer-layout.d.ts'].map((name) => join(ROOT, 'src/wire', name)),
    });
    assert.deepEqual(pick(built.run('build.js')), { status: 0, stdout: '' });
    const code = built.output('src/wire/layers.js').replaceAll(/^import .*$/gm, '');
    assert.ok(code.includes('walkEthernet('));
    assert.doesNotMatch(code, /\b(Fault|EtherType|IpProtocol|Sap)\.[A-Z]/);
    assert.doesNotMatch(code, /\b(ETHERNET|IPV4|UDP|LLC|SNAP|VLAN)_SPAN\b|\bMIN_ETHER_TYPE\b/);
  });
});

function pick({ status, stdout }: { status: number | null; stdout: string }): {
  status: number | null;
  stdout: string;
} {
  return { status, stdout };
}
