/** `vtep mesh routes`: the routes that a config, or a file of `--mesh`, gives. */
import { BackendMode, RouteKind } from '../../mesh/index.js';
import type { ServiceSet } from '../../overlay/index.js';
import { plain } from '../../text/plain-text.js';
import { declare } from '../command.js';
import { dockerTable } from '../docker-table.js';
import { ExitCode } from '../exit-code.js';
import { flag, option } from '../options/declared.js';
import { aboutFile } from '../options/file-error.js';
import { MESH_OPTIONS, meshOf } from '../options/mesh-options.js';
import { readKeyText } from '../options/small-file.js';
import { file } from '../options/value-kinds.js';
import { say, TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { type PlannedRoute, plannedRoutes } from './planned-routes.js';

const MAX_BYTES = 1 << 26;
const WHAT = 'a config (64 MiB)';
const HEADINGS = ['HOST', 'PATH', 'SERVICE', 'PORT', 'NETWORK', 'MODE', 'SOURCE'];

async function servicesOf(path: string): Promise<ServiceSet | undefined> {
  const { parseServices } = await import('../../overlay/config.js');
  try {
    const text = readKeyText(path, MAX_BYTES, WHAT);
    try {
      return parseServices(text);
    } finally {
      text.wipe();
    }
  } catch (error) {
    throw aboutFile(path, error);
  }
}

/** A row of the table. */
function rowOf({ route, port, networks }: PlannedRoute): string[] {
  const { host, path, isExact, kind, service, mode, redirect, source } = route;
  const requests = kind === RouteKind.Sni ? 'TLS' : `${path === '' ? '/' : path}${isExact ? '' : '*'}`;
  const way = redirect === undefined ? modeText(mode) : `redirect to ${redirect}`;
  return [host, requests, service, port === undefined ? '-' : String(port), networks.join(',') || '-', way, source];
}

function modeText(mode: BackendMode): string {
  return mode === BackendMode.Vip ? 'vip' : 'task';
}

function jsonOf({ route, port, networks }: PlannedRoute): object {
  const { kind, host, path, isExact, rewrite, service, mode, isHttp2, sticky, redirect, priority, source } = route;
  return {
    ...{ kind, host, path, exact: isExact, service, port: port ?? null, networks, mode: modeText(mode) },
    ...{ http2: isHttp2, rewrite: rewrite ?? null, sticky: sticky?.cookie ?? null, redirect: redirect ?? null },
    ...{ priority, source },
  };
}

/** `vtep mesh routes`. */
export const meshRoutesCommand = declare({
  usage: ['--config FILE [--mesh FILE] [--json]'],
  description: [
    'Shows the routes that the labels of services and the section mesh of a config give, before a node runs them: which ' +
      'hosts and paths lead to which service. What labels ask for and the mesh does not do is reported, and what to do ' +
      'about it.',
  ],
  options: {
    config: option('--config FILE', 'networks, services and mesh (YAML or JSON); keys are not needed', file),
    mesh: MESH_OPTIONS.mesh,
    json: flag('--json', 'print one JSON object'),
  },
  notes: [
    'A path with * is the beginning of the paths. Of a service on several networks, the first counts that a node has.',
  ],
  examples: [
    ['vtep mesh routes --config swarm.yaml', 'the routes of a config'],
    ['vtep mesh routes --mesh mesh.yaml --json', 'those of a file for vtep join, for a program'],
  ],
  async run({ config, mesh, json }) {
    if (config === undefined && mesh === undefined) {
      throw new UsageError('mesh routes needs --config FILE or --mesh FILE; see: vtep mesh routes --help');
    }
    const services = config === undefined ? undefined : await servicesOf(config);
    const settings = await meshOf({ mesh, meshDebug: false, meshLog: undefined });
    const { routes, troubles } = plannedRoutes(services, settings ?? services?.mesh);
    const output = new TextOutput();
    if (json) output.json({ routes: routes.map(jsonOf), troubles });
    else dockerTable(output, HEADINGS, routes.map(rowOf));
    output.flush();
    for (const { service, source, why } of troubles) {
      say(plain(`vtep: ${service === undefined ? '' : `${service}: `}${source}: ${why}`));
    }
    return ExitCode.Done;
  },
});
