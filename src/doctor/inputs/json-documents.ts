/** Elements of JSON outputs, each recognised by the members that only its kind has. */
import { fdbRowOf, neighbourRowOf } from '../../overlay/internal.js';
import { InputKind } from '../evidence/evidence.js';
import { engineOf, isDockerEngine } from './docker/engine.js';
import { isJsonLogLine, logLineOf } from './docker/log.js';
import { isDockerNetwork, networkOf } from './docker/networks.js';
import { isDockerService, serviceOf } from './docker/services.js';
import { isObject, type JsonObject } from './json-values.js';
import { linkOfJson } from './kernel/links.js';
import { offloadsOf } from './kernel/offloads.js';
import { fdbRow, neighbourRow } from './kernel/tables.js';
import { hasStreams, isJetStreamMonitoring, storeStreamsOf } from './nats/monitoring.js';
import type { Source } from './source.js';
import type { FactSink } from './text-parsers.js';
import { isVtepStatus } from './vtep/status.js';

/** What to ask a NATS server for. */
const JSZ = '/jsz?config=1&streams=1';

/** Members that tell what doctor has no use for, and what to give instead. */
const USELESS: readonly (readonly [member: string, what: string])[] = [
  ['nftables', 'output of nft -j: give nft list ruleset without -j'],
  ['HostConfig', 'output of docker inspect of a container: give docker network inspect'],
  ['EngineVersion', 'output of docker node ls: give docker info of each node'],
  ['ManagerStatus', 'output of docker node inspect: give docker info of each node'],
  ['Description', 'output of docker node inspect: give docker info of each node'],
  ['gateway', 'output of ip -j route: give ip -d addr'],
  ['prefsrc', 'output of ip -j route: give ip -d addr'],
  ['apiVersion', 'an object of Kubernetes: give bridge fdb and ip -d link of its nodes'],
  ['network_interface', 'output of podman network inspect: give bridge fdb and ip -d link of the node'],
  ['NetworksAttachments', 'output of docker inspect of a task: give docker network inspect --verbose'],
  ['max_control_line', `/varz of a NATS server: give ${JSZ}`],
  ['_source', "tshark's JSON: give the capture itself"],
];

/** What became of an element. */
export type JsonOutcome =
  | { readonly kind: InputKind }
  /** The caller reads it as a whole. */
  | { readonly status: JsonObject }
  | { readonly config: JsonObject }
  | { readonly unknown: string };

/** Takes the facts of an element. */
export function takeJson(source: Source, value: unknown, line: number, sink: FactSink): JsonOutcome {
  if (!isObject(value)) return { unknown: 'JSON that is no output of a known command' };
  if (isDockerNetwork(value)) {
    const network = networkOf(source, value, line);
    if (network !== undefined) sink.add('networks', [network]);
    return { kind: InputKind.Networks };
  }
  if (isVtepStatus(value)) return { status: value };
  if (isDockerService(value)) {
    sink.add('services', [serviceOf(source, value, line)]);
    return { kind: InputKind.Services };
  }
  if (isDockerEngine(value)) {
    const { engine, seconds } = engineOf(source, value, line);
    sink.at(seconds);
    if (engine.name !== '') sink.from(engine.name);
    sink.add('engines', [engine]);
    return { kind: InputKind.Engine };
  }
  if (isJetStreamMonitoring(value)) {
    if (!hasStreams(value)) return { unknown: `/jsz of a NATS server without its streams: give ${JSZ}` };
    sink.add('streams', storeStreamsOf(source, value, line));
    return { kind: InputKind.JetStream };
  }
  if (isObject(value['nodes']) && isObject(value['networks'])) return { config: value };
  return takeRow(source, value, line, sink);
}

/** Takes an element of which an output has many. */
function takeRow(source: Source, value: JsonObject, line: number, sink: FactSink): JsonOutcome {
  const link = linkOfJson(source, value, line);
  if (link !== undefined) {
    sink.add('links', [link]);
    return { kind: InputKind.Link };
  }
  const fdb = 'mac' in value && !('lladdr' in value) ? fdbRowOf(value, line) : undefined;
  if (fdb !== undefined) {
    const row = fdbRow(source, fdb);
    if (row !== undefined) sink.add('fdb', [row]);
    return { kind: InputKind.Fdb };
  }
  const neighbour = neighbourRowOf(value, line);
  if (neighbour !== undefined) {
    const row = neighbourRow(source, neighbour);
    if (row !== undefined) sink.add('neighbours', [row]);
    return { kind: InputKind.Neighbours };
  }
  if ('ifname' in value && ('rx-checksumming' in value || 'tx-checksumming' in value)) {
    sink.add('offloads', offloadsOf(source, value, line));
    return { kind: InputKind.Offloads };
  }
  if (isJsonLogLine(value)) {
    const found = logLineOf(source, value, line);
    if (found !== undefined) {
      sink.at(found.seconds);
      sink.add('log', [found.line]);
    }
    return { kind: InputKind.Log };
  }
  if ('tag' in value && 'key' in value) return { kind: InputKind.Keys };
  if (Array.isArray(value['keys'])) return { kind: InputKind.Keys };
  const useless = USELESS.find(([member]) => Object.hasOwn(value, member));
  return { unknown: useless?.[1] ?? 'JSON that is no output of a known command' };
}
