/** Parses a file of `--mesh`: the HTTP routing mesh of a node whose services come from elsewhere. */
import { parsedText } from './config-text.js';
import { MESH_FIELDS } from './services/mesh-schema.js';
import type { MeshSettings } from './services/mesh-settings.js';
import { readMesh } from './services/read-mesh.js';

const WHOLE = "it has the fields of a config's mesh, such as http, tls and routes";

/**
 * Parses settings of an HTTP routing mesh, YAML or JSON: the fields of `mesh:` in a config.
 * @throws OverlayError `BAD_CONFIG` with the line, what is wrong and how to fix it
 * @example
 * import { readMeshSettings } from 'vtep/overlay/files';
 *
 * const { http, routes } = readMeshSettings("routes: [{ url: 'http://app.example.org', service: app, port: 8080 }]");
 * console.log(http, routes[0].service); // [ 80 ] app
 */
export function readMeshSettings(text: string): MeshSettings {
  const { parsed, locations } = parsedText(text, MESH_FIELDS, WHOLE);
  return readMesh(parsed, [], locations, undefined);
}
