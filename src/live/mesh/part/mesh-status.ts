/** What a status says about a mesh, and the lines at the start. */
import { type Route, RouteKind } from '../../../mesh/index.js';
import type { MeshSettings } from '../../../overlay/index.js';
import type { StatusSection } from '../../status/status-section.js';
import type { BackendReport, MeshReport, RouteReport } from '../plan.js';

/** Lines such as `HTTP mesh on port 80: 3 hosts`. */
export function meshLines({ http, tls }: Pick<MeshSettings, 'http' | 'tls'>, routes: readonly Route[]): string[] {
  const line = (what: string, ports: readonly number[], kind: RouteKind): string[] => {
    if (ports.length === 0) return [];
    const hosts = new Set(routes.filter((route) => route.kind === kind).map(({ host }) => host)).size;
    const named = `port${ports.length === 1 ? '' : 's'} ${ports.join(', ')}`;
    return [`${what} on ${named}: ${hosts} host${hosts === 1 ? '' : 's'}`];
  };
  return [...line('HTTP mesh', http, RouteKind.Http), ...line('TLS mesh', tls, RouteKind.Sni)];
}

/**
 * The section `mesh`.
 * @param report what its thread has said last, about a second ago
 * @param troubles number of labels and routes that have no effect
 */
export function meshSection(isRunning: boolean, report: MeshReport | undefined, troubles: number): StatusSection {
  const {
    listeners = [],
    leaving = [],
    connections = 0,
    refused = 0,
    unrouted = 0,
    logged = 0,
    droppedLines = 0,
    total = 0,
  } = report ?? {};
  return {
    facts: {
      running: isRunning,
      total,
      listeners: listeners.map(({ address, port, isTls }) => ({ address, port, tls: isTls })),
      leaving: leaving.map(backendOf),
      connections,
      refused,
      unrouted,
      logged,
      droppedLines,
      troubles,
    },
    rows: report?.routes.map(rowOf) ?? [],
  };
}

function rowOf(route: RouteReport): object {
  const { kind, host, path, service, source, isRedirect, responses, failures, active, retries, bytesIn, bytesOut } =
    route;
  return {
    kind,
    host,
    path,
    service,
    source,
    redirect: isRedirect,
    responses,
    failures,
    active,
    retries,
    bytesIn,
    bytesOut,
    backends: route.backends.map(backendOf),
  };
}

function backendOf({ name, address, active, isDown }: BackendReport): object {
  return { name, address, active, up: !isDown };
}
