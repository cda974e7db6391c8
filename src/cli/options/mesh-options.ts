/** `--mesh`, `--mesh-debug` and `--mesh-log`: the HTTP routing mesh of a node. */
import type { MeshOverrides } from '../../live/index.js';
import { DEFAULT_MESH, type MeshSettings } from '../../overlay/index.js';
import { flag, option, type Values } from './declared.js';
import { aboutFile } from './file-error.js';
import { type ReadOptions, readSmallText } from './small-file.js';
import { file } from './value-kinds.js';

/** A route takes some 100 bytes. */
const MAX_BYTES = 1 << 22;
const HEADING = 'HTTP routing mesh';

/** The options. */
export const MESH_OPTIONS = {
  mesh: option('--mesh FILE', 'settings and routes, as under mesh: in a config (docs/mesh.md)', file).under(HEADING),
  meshDebug: flag('--mesh-debug', 'tell clients which hosts exist').under(HEADING),
  meshLog: option('--mesh-log FILE', 'access log in JSON lines; - is standard output', file).under(HEADING),
};

/** Their values. */
export type MeshValues = Values<typeof MESH_OPTIONS>;

/**
 * The mesh that the options describe, or undefined without any of them.
 * @param configured the mesh of the node's config, which `--mesh-debug` and `--mesh-log` change if there is no `--mesh`
 * @throws UsageError with the file's name and line
 */
export async function meshOf(values: MeshValues, configured?: MeshSettings): Promise<MeshSettings | undefined> {
  const { mesh: path, meshDebug, meshLog } = values;
  if (path === undefined && !meshDebug && meshLog === undefined) return undefined;
  const settings = (await readMeshFile(path)) ?? configured ?? DEFAULT_MESH;
  return { ...settings, debug: settings.debug || meshDebug, log: meshLog ?? settings.log };
}

/**
 * What the options say about the mesh of a node, beside its config or store.
 * @param mesh settings instead of those that its services have
 */
export function meshOverrides(
  { meshDebug, meshLog }: Pick<MeshValues, 'meshDebug' | 'meshLog'>,
  mesh: MeshSettings | undefined,
): MeshOverrides {
  return {
    ...(mesh === undefined ? {} : { mesh }),
    ...(meshDebug ? { meshDebug } : {}),
    ...(meshLog === undefined ? {} : { meshLog }),
  };
}

/**
 * Reads a file of `--mesh`.
 * @returns undefined without one
 * @throws UsageError with the file's name and line
 */
export async function readMeshFile(
  path: string | undefined,
  options: ReadOptions = {},
): Promise<MeshSettings | undefined> {
  if (path === undefined) return undefined;
  const { readMeshSettings } = await import('../../overlay/mesh-file.js');
  try {
    return readMeshSettings(readSmallText(path, MAX_BYTES, 'settings of a mesh (4 MiB)', options));
  } catch (error) {
    throw aboutFile(path, error);
  }
}
