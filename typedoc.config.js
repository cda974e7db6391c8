/** The API reference: of what package.json exports, and of no more. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const { exports, name } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8'));

/** A name is described where the first entry exports it; entries that gather others come last and refer to those. */
function isGathering(path) {
  return path === '.' || path.startsWith('./native-free');
}

const entryPoints = Object.entries(exports)
  .filter(([, entry]) => typeof entry === 'object')
  .sort(([a], [b]) => isGathering(a) - isGathering(b))
  .map(([, { types }]) => types.replace('./dist/', '').replace('.d.ts', '.ts'));

const config = {
  name,
  entryPoints,
  tsconfig: 'tsconfig.json',
  out: 'docs/api',
  excludeInternal: true,
  // Where the repository is to be read isn't known, so that links to its lines can't be made.
  disableSources: true,
  // The build checks the types.
  skipErrorChecking: true,
  // What a field or an accessor is, its name often says well enough.
  requiredToBeDocumented: ['Module', 'Class', 'CallSignature', 'Interface', 'TypeAlias', 'Variable'],
  validation: {
    invalidLink: true,
    invalidPath: true,
    notDocumented: true,
    notExported: true,
    rewrittenLink: true,
    unusedMergeModuleWith: true,
  },
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
};

export { config as default };
