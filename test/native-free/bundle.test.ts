/** The entry in a bundle: nothing of Node in it, and only what a program uses. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { transform } from 'esbuild';
import { ROOT } from '../repository.js';
import { bundleOf } from './bundle.js';

const KB = 1000;
const OPEN = 'UnderlayDecoder, openCapture, MemoryReader';
const ESP = 'forgeBackend, forgeHkdfSha256, InboundEsp, InboundSa, parseXfrmState, RingResolver, Sad';

/** Programs, their packages, and their maximum minified size in KB: the current size plus a tenth. */
const PROGRAMS = [
  ['the headers of a packet', '{ checkVxlan, VxlanView }', ['buffer-layout'], 31],
  ['the frames of a capture', `{ ${OPEN} }`, ['buffer-layout'], 98],
  ['the same, out of ESP', `{ ${OPEN}, ${ESP} }`, ['buffer-layout', 'node-forge'], 181],
  ['the same, keys of any file', `{ ${OPEN}, ${ESP}, parseKeys }`, ['buffer-layout', 'node-forge', 'yaml'], 303],
  ['everything', '*', ['buffer-layout', 'node-forge', 'yaml', 'zod'], 800],
] as const;

/** Node's globals that browsers lack. */
const NODE_GLOBALS = ['Buffer', 'process', 'global', 'require', '__dirname', '__filename', 'setImmediate'];
const MARK = 'GLOBAL_OF_NODE_';

/** Names of Node's globals that a module reads or writes. Only free names are replaced, not properties or locals. */
async function nodeGlobalsOf(code: string): Promise<string[]> {
  const define = Object.fromEntries(NODE_GLOBALS.map((name) => [name, MARK + name]));
  const replaced = await transform(code, { define, format: 'esm' });
  return [...replaced.code.matchAll(new RegExp(`${MARK}(\\w+)`, 'g'))].map(([, name]) => name);
}

describe('native-free in a bundle', () => {
  test('needs nothing from Node: esbuild resolves it for a browser without externals or replacements', async () => {
    const { files, disabled, imports } = await bundleOf("export * from 'vtep/native-free';");
    assert.ok(files.length > 100);
    assert.deepEqual([disabled, imports], [[], []]);
  });

  test('fails, by name, for an entry that uses Node', async () => {
    await assert.rejects(bundleOf("export * from 'vtep';"), /Could not resolve "node:fs"/);
    await assert.rejects(bundleOf("export * from 'vtep/native-free/pcap-parser';"), /Could not resolve "node:events"/);
  });

  test('no module of it reads a Node global', async () => {
    const { files } = await bundleOf("export * from 'vtep/native-free';");
    const own = files.filter((name) => name.startsWith('dist/'));
    assert.ok(own.length > 100, String(own.length));
    for (const name of own) {
      assert.deepEqual(await nodeGlobalsOf(readFileSync(join(ROOT, name), 'utf8')), [], name);
    }
    assert.deepEqual(await nodeGlobalsOf('({ process }) => process; x.Buffer; typeof Buffer; process.pid'), [
      'Buffer',
      'process',
    ]);
  });

  const page = readFileSync(join(ROOT, 'docs/library.md'), 'utf8');
  for (const [what, names, packages, limit] of PROGRAMS) {
    test(`${what}: at most ${limit} KB, ${packages.length} packages, and as large as the docs say`, async (t) => {
      const program = `export ${names} from 'vtep/native-free';`;
      const raw = await bundleOf(program, { minify: false });
      const small = await bundleOf(program);
      const sizes = [raw.bytes, small.bytes, small.gzipBytes].map((bytes) => Math.round(bytes / KB));
      t.diagnostic(`${what}: ${sizes[0]} KB, minified ${sizes[1]} KB, gzip ${sizes[2]} KB`);
      assert.deepEqual(small.packages, packages);
      assert.ok(small.bytes <= limit * KB, `${small.bytes} bytes`);
      const said = new RegExp(`^\\| ${what} +\\| +(\\d+) KB +\\| +(\\d+) KB +\\|`, 'm').exec(page);
      assert.ok(said !== null, 'docs/library.md does not list it');
      for (const [index, size] of [Number(said[1]), Number(said[2])].entries()) {
        assert.ok(Math.abs(size - sizes[index + 1]) <= Math.max(1, sizes[index + 1] / 10), said[0]);
      }
    });
  }
});
