/**
 * Bundles the command line into `dist/cli`, which package.json's `bin` names: Node takes a millisecond for each module
 * that it loads, and a command has several hundred. The threads and processes that a command starts have their entry
 * points there too. Code that several share is in chunks, so that each loads what it needs and little else.
 *
 * Usage: node bundle.js, after build.js. Does nothing if no input is newer than the last bundle.
 */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';

const ROOT = import.meta.dirname;
const OUT = join(ROOT, 'dist/cli');
const MAIN = join(ROOT, 'dist/src/cli/main.js');
/** Loaded as they are: they measure the library. */
const BENCH = join(ROOT, 'dist/bench') + sep;
/** Packages that commands load at their start. Others are loaded where they are needed, from node_modules. */
const BUNDLED = ['buffer-layout', 'commander', 'yaml', 'zod'];

const IMPORT = /^(?:import|export) (?:[\w*{},\s]* from )?'(\.[^']+)';|\bimport\('(\.[^']+)'\)/gm;
const LOCATION = /new URL\('([\w./-]+)', import\.meta\.url\)/g;
/** Where esbuild defines the function that loads Node's modules for packages in CommonJS. */
const REQUIRE = '__require = ';

/** The files that a module names by their location: threads, processes, the program itself, package.json. */
function locations(module, text) {
  return [...text.matchAll(LOCATION)].map(([, path]) => resolve(dirname(module), path));
}

/** The program and what it starts, and all modules of both. */
function inputs() {
  const entries = new Set([MAIN]);
  const modules = new Set([MAIN]);
  for (const module of modules) {
    const text = readFileSync(module, 'utf8');
    const imported = [...text.matchAll(IMPORT)].map(([, first, second]) => resolve(dirname(module), first ?? second));
    const started = locations(module, text).filter((path) => path.endsWith('.js'));
    for (const path of started) entries.add(path);
    for (const path of [...imported, ...started]) if (!path.startsWith(BENCH)) modules.add(path);
  }
  const names = new Set([...entries].map((path) => basename(path)));
  if (names.size < entries.size) throw new Error(`two entry points have the same name: ${[...entries].join(', ')}`);
  return { entries, modules };
}

function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** `path` as a module of the output imports it. */
function fromOutput(path) {
  const name = relative(OUT, path).split(sep).join('/');
  return name.startsWith('.') ? name : `./${name}`;
}

/** Makes locations relative to the output, which has all its files in one folder, and leaves benches out of it. */
function relocation(entries) {
  return {
    name: 'relocation',
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
        const file = resolve(resolveDir, path);
        return file.startsWith(BENCH) ? { path: fromOutput(file), external: true } : undefined;
      });
      onResolve({ filter: /^[\w@][\w/.-]*$/ }, ({ path, resolveDir }) => {
        // Packages of packages are bundled with them.
        const own = !relative(ROOT, resolveDir).startsWith('node_modules');
        return own && !BUNDLED.includes(path) ? { path, external: true } : undefined;
      });
      onLoad({ filter: /\.js$/ }, ({ path: module }) => {
        const text = readFileSync(module, 'utf8');
        const found = locations(module, text);
        if (found.length === 0) return undefined;
        let next = 0;
        const contents = text.replace(LOCATION, () => {
          const path = found[next++];
          return `new URL('${entries.has(path) ? `./${basename(path)}` : fromOutput(path)}', import.meta.url)`;
        });
        return { contents, loader: 'js' };
      });
    },
  };
}

async function bundle(build, entries) {
  const { outputFiles } = await build({
    entryPoints: [...entries],
    outdir: OUT,
    entryNames: '[name]',
    chunkNames: 'chunk-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    sourcesContent: false,
    write: false,
    logLevel: 'warning',
    plugins: [relocation(entries)],
  });
  return outputFiles;
}

/** Whether any output starts an entry point. */
function isNamed(entry, outputFiles) {
  const location = `new URL("./${basename(entry)}", import.meta.url)`;
  return outputFiles.some(({ path, text }) => path.endsWith('.js') && text.includes(location));
}

/** Names that something is assigned to, in any scope, after they are declared. */
function assignedNames(file, ts) {
  const { SyntaxKind } = ts;
  const names = new Set();
  // All names in a pattern: some of them are only read, and stay variables without need.
  const note = (target) => {
    if (ts.isIdentifier(target)) names.add(target.text);
    else if (!ts.isPropertyAccessExpression(target) && !ts.isElementAccessExpression(target)) {
      ts.forEachChild(target, note);
    }
  };
  const visit = (node) => {
    if (ts.isBinaryExpression(node)) {
      const { kind } = node.operatorToken;
      if (kind >= SyntaxKind.FirstAssignment && kind <= SyntaxKind.LastAssignment) note(node.left);
    } else if (ts.isPostfixUnaryExpression(node)) {
      note(node.operand);
    } else if (ts.isPrefixUnaryExpression(node)) {
      const { operator, operand } = node;
      if (operator === SyntaxKind.PlusPlusToken || operator === SyntaxKind.MinusMinusToken) note(operand);
    } else if (ts.isForInStatement(node) || ts.isForOfStatement(node)) {
      if (!ts.isVariableDeclarationList(node.initializer)) note(node.initializer);
    }
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);
  return names;
}

function declaredNames(name, ts) {
  return ts.isIdentifier(name)
    ? [name.text]
    : name.elements.flatMap((element) => (ts.isBindingElement(element) ? declaredNames(element.name, ts) : []));
}

/**
 * Declares constants as such: esbuild declares all that was at the top of a module with `var`. V8 folds constants into
 * machine code, but loads variables at every use, which slows down the packet path (build.js).
 */
function withConstants(text, ts) {
  const file = ts.createSourceFile('chunk.js', text, ts.ScriptTarget.ES2022, false, ts.ScriptKind.JS);
  const assigned = assignedNames(file, ts);
  let result = '';
  let from = 0;
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    const { declarationList: list } = statement;
    const constant = list.declarations.every(
      ({ name, initializer }) =>
        initializer !== undefined && declaredNames(name, ts).every((declared) => !assigned.has(declared)),
    );
    if (!constant || (list.flags & ts.NodeFlags.BlockScoped) !== 0) continue;
    const at = list.getStart(file);
    result += `${text.slice(from, at)}const`;
    from = at + 'var'.length;
  }
  return result + text.slice(from);
}

/** Gives packages in CommonJS the `require` that they load Node's modules with. On the first line, to keep the others. */
function withRequire(text) {
  if (!text.includes(REQUIRE)) return text;
  const made = 'const require = createRequireOfNode(import.meta.url);';
  return `import { createRequire as createRequireOfNode } from 'node:module'; ${made} ${text}`;
}

const { entries, modules } = inputs();
const packages = BUNDLED.map((name) => join(ROOT, 'node_modules', name, 'package.json'));
const made = modified(join(OUT, 'LICENSES'));
if ([import.meta.filename, ...packages, ...modules].some((path) => modified(path) > made)) {
  const { build } = await import('esbuild');
  const { default: ts } = await import('typescript');
  let outputFiles = await bundle(build, entries);
  // Of what the library exports, and no command uses.
  const unused = [...entries].filter((path) => path !== MAIN && !isNamed(path, outputFiles));
  for (const path of unused) entries.delete(path);
  if (unused.length > 0) outputFiles = await bundle(build, entries);
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  for (const { path, text } of outputFiles) {
    writeFileSync(path, path.endsWith('.js') ? withRequire(withConstants(text, ts)) : text);
  }
  const licenses = BUNDLED.map((name) => {
    const text = readFileSync(join(ROOT, 'node_modules', name, 'LICENSE'), 'utf8');
    return `== ${name}\n\n${text.trim()}\n`;
  });
  writeFileSync(join(OUT, 'LICENSES'), licenses.join('\n'));
}
