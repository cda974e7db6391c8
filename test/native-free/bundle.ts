/** Bundles of programs on `vtep/native-free` for browsers: complete, without externals or polyfills. */
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { ROOT } from '../repository.js';

/** A bundled program. */
export interface Bundle {
  readonly code: string;
  /** Size in bytes, plain and compressed. */
  readonly bytes: number;
  readonly gzipBytes: number;
  /** The source files with a part in it. */
  readonly files: readonly string[];
  /** The npm packages among them. */
  readonly packages: readonly string[];
  /** Remaining imports, and files that a package replaces by nothing for browsers. */
  readonly imports: readonly string[];
  readonly disabled: readonly string[];
}

/**
 * Bundles a program.
 * @param program an ES module; `vtep` is the package as users import it
 * @throws the errors of esbuild, such as for an import of a Node module
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
