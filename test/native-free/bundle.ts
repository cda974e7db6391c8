/** What esbuild makes of programs on `vtep/native-free` for browsers: whole, with nothing from outside, no polyfills. */
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { ROOT } from '../repository.js';

/** A program in one piece. */
export interface Bundle {
  readonly code: string;
  /** Its size in bytes, and what goes over the wire. */
  readonly bytes: number;
  readonly gzipBytes: number;
  /** The files that a piece of it comes from. */
  readonly files: readonly string[];
  /** Packages of npm among them. */
  readonly packages: readonly string[];
  /** What it still imports, and files in whose place a package puts nothing where a browser runs it. */
  readonly imports: readonly string[];
  readonly disabled: readonly string[];
}

/**
 * Bundles a program.
 * @param program an ES module; `vtep` is the package as others import it
 * @throws the errors of esbuild, such as for an import of a module of Node's
 */
export async function bundleOf(program: string, { minify = true } = {}): Promise<Bundle> {
  const result = await build({
    stdin: { contents: program, resolveDir: ROOT, sourcefile: 'program.js', loader: 'ts' },
    absWorkingDir: ROOT,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
    metafile: true,
    minify,
    write: false,
  });
  const [{ contents, text }] = result.outputFiles;
  const [{ inputs, imports }] = Object.values(result.metafile.outputs);
  const files = Object.keys(inputs).filter((name) => name !== 'program.js' && inputs[name].bytesInOutput > 0);
  const packages = files.map((name) => /^node_modules\/([^/]+)\//.exec(name)?.[1]).filter((name) => name !== undefined);
  return {
    code: text,
    bytes: contents.length,
    gzipBytes: gzipSync(contents, { level: 9 }).length,
    files,
    packages: [...new Set(packages)].sort(),
    imports: imports.map(({ path }) => path),
    disabled: Object.keys(result.metafile.inputs).filter((name) => name.startsWith('(disabled)')),
  };
}
