/**
 * Bundles the explorer to one file that needs no other: dist/native-free/explorer/explorer.html. The script of the page is
 * that of its workers, too. Everything outside page/ is taken from dist/, where its constants are inlined, so this is to be
 * run after the build of the project.
 *
 * Usage: node native-free/explorer/build.js
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import process from 'node:process';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '../..');
const PAGE = join(import.meta.dirname, 'page');
const OUT = join(ROOT, 'dist/native-free/explorer/explorer.html');

/**
 * The recording that "Try it" opens: the part of this capture from one second to another, without the TLS of the swarm's
 * managers (port 2377), of which nothing can be shown.
 */
const SAMPLE = {
  capture: 'fixtures/docker/07-encrypted.underlay.pcap',
  fromSecond: 73,
  toSecond: 81,
  name: 'swarm-encrypted.pcap',
  keys: 'fixtures/docker/swarm-keys.txt',
};

/** Resolves what the page imports from outside of page/ to the output of the project's build. */
const fromDist = {
  name: 'from-dist',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\// }, ({ path, importer }) => {
      const target = resolve(dirname(importer), path);
      if (!importer.startsWith(PAGE + sep) || target.startsWith(PAGE + sep) || !path.endsWith('.js')) return undefined;
      return { path: join(ROOT, 'dist', relative(ROOT, target)) };
    });
  },
};

/** Modules of libraries that nothing in the page calls: those that write YAML or JSON Schema, and YAML 1.1. */
const UNUSED =
  /node_modules\/(?:yaml\/browser\/dist\/(?:stringify\/|parse\/cst-|schema\/yaml-1\.1\/(?:binary|bool|float|int|omap|pairs|schema|set|timestamp)\.js$)|zod\/v4\/core\/(?:to-json-schema|json-schema-processors)\.js$)/;
/** Texts of findings that only their documentation has. */
const DOCUMENTATION =
  /^ +(?:looksAt|fires): (?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?:\s*\+\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))*,$/gm;

/** The names that a module exports. */
function exportedNames(text) {
  const declared = [...text.matchAll(/^export (?:(?:async )?function|const|class) (\w+)/gm)].map(([, name]) => name);
  const listed = [...text.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, list]) => list.split(','));
  const names = listed.map((one) => one.trim().replace(/^\w+ as /, '')).filter((name) => name !== '');
  return [...new Set([...declared, ...names])];
}

/** Leaves out what the page has no use for. */
const withoutUnused = {
  name: 'without-unused',
  setup({ onLoad }) {
    onLoad({ filter: UNUSED }, ({ path }) => {
      const names = exportedNames(readFileSync(path, 'utf8')).map((name) => `unused as ${name}`);
      return { contents: `const unused = () => undefined; export { ${names.join(', ')} };` };
    });
    onLoad({ filter: /dist\/src\/doctor\/findings\/.*\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(DOCUMENTATION, ''),
    }));
  },
};

const OPTIONS = { absWorkingDir: ROOT, bundle: true, minify: true, write: false, logLevel: 'warning' };

async function scriptText() {
  const { outputFiles } = await build({
    ...OPTIONS,
    entryPoints: [join(PAGE, 'main.tsx')],
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    plugins: [fromDist, withoutUnused],
    // The page's policy forbids code from text, which zod would otherwise try as soon as it is loaded.
    banner: { js: 'globalThis.__zod_globalConfig={jitless:true};' },
    legalComments: 'none',
    charset: 'utf8',
  });
  return outputFiles[0].text.trim();
}

async function styleText() {
  const { colourVariables, DARK, LIGHT, NETWORK_COLOURS } = await import(join(ROOT, 'dist/src/picture/internal.js'));
  const light = colourVariables(LIGHT);
  const dark = colourVariables(DARK);
  const fills = Array.from({ length: NETWORK_COLOURS }, (_, i) => {
    const colour = `var(--network${i})`;
    return `.fill${i}{fill:${colour};background:${colour}}.edge${i}{stroke:${colour}}`;
  });
  const contents = `
    @import './styles/page.css';
    :root{color-scheme:light;${light}}
    @media (prefers-color-scheme:dark){:root:not([data-theme='light']){color-scheme:dark;${dark}}}
    :root[data-theme='dark']{color-scheme:dark;${dark}}
    ${fills.join('')}`;
  const { outputFiles } = await build({ ...OPTIONS, stdin: { contents, resolveDir: PAGE, loader: 'css' } });
  return outputFiles[0].text.trim();
}

/** The packets of a pcap file of microseconds in little-endian order, between two seconds after its first. */
function excerpt({ capture, fromSecond, toSecond }) {
  const bytes = readFileSync(join(ROOT, capture));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts = [bytes.subarray(0, 24)];
  const timeAt = (at) => view.getUint32(at, true) + view.getUint32(at + 4, true) / 1e6;
  const first = timeAt(24);
  for (let at = 24; at + 16 <= bytes.length;) {
    const end = at + 16 + view.getUint32(at + 8, true);
    const seconds = timeAt(at) - first;
    if (seconds >= fromSecond && seconds < toSecond && !isManagement(bytes.subarray(at + 16, end)))
      parts.push(bytes.subarray(at, end));
    at = end;
  }
  return Buffer.concat(parts);
}

/** Whether an Ethernet frame is TCP over IPv4, without options, from or to port 2377. */
function isManagement(frame) {
  const isTcp = frame.readUInt16BE(12) === 0x0800 && frame[14] === 0x45 && frame[23] === 6;
  return isTcp && (frame.readUInt16BE(34) === 2377 || frame.readUInt16BE(36) === 2377);
}

function sampleFiles() {
  const packed = (bytes) => gzipSync(bytes, { level: 9 }).toString('base64');
  return {
    [`${SAMPLE.name}.gz`]: packed(excerpt(SAMPLE)),
    'swarm-keys.txt.gz': packed(readFileSync(join(ROOT, SAMPLE.keys))),
  };
}

function hashOf(text) {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

function documentText(script, style) {
  if (/<!--|<\/?script/i.test(script)) throw new Error('the script has a text that ends or comments out a script');
  // WebAssembly has the sums over packets; it can't reach anything that the policy forbids.
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)} 'wasm-unsafe-eval'`,
    `style-src ${hashOf(style)}`,
    'worker-src blob:',
    "connect-src 'self'",
    'img-src data: blob:',
    "base-uri 'none'",
    "form-action 'none'",
    // No library can make markup or scripts from text; the only exception is the address of the workers' script.
    "require-trusted-types-for 'script'",
    'trusted-types vtep-worker',
  ].join('; ');
  const parts = {
    POLICY: policy,
    STYLE: style,
    // `vtep explore` replaces this by the files that it serves.
    SERVED: '[]',
    SAMPLE: JSON.stringify(sampleFiles()),
    SCRIPT: script,
  };
  const template = readFileSync(join(PAGE, 'page.html'), 'utf8');
  return template.replace(/\s*%(\w+)%\s*/g, (_, name) => parts[name]);
}

const [script, style] = await Promise.all([scriptText(), styleText()]);
const text = documentText(script, style);
mkdirSync(dirname(OUT), { recursive: true });
writeFileSync(OUT, text);
const kilobytes = (bytes) => (bytes / 1000).toFixed(0);
process.stdout.write(
  `explorer.html: ${kilobytes(Buffer.byteLength(text))} kB, gzip ${kilobytes(gzipSync(text, { level: 9 }).length)} kB\n`,
);
