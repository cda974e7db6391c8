/** Sorts the documents of Docker's inspect commands by kind, whatever file they are in, and drops repeated ones. */
import type * as z from 'zod';
import { jsonDocuments } from '../../text/json-text.js';
import { quoted } from '../../text/plain-text.js';
import { describeText } from '../../text/recognised-text.js';
import { OverlayError } from '../error.js';
import { DOCKER_NETWORK, type DockerNetwork, dockerNetworkOf } from './docker-network.js';
import type { ImportWarnings } from './import-warnings.js';
import { DOCKER_CONTAINER, DOCKER_NODE, DOCKER_SERVICE, DOCKER_TASK, DOCKER_TASK_LINE } from './swarm-schema.js';

/** A file or a part of one. */
export interface DumpFile {
  /** For messages. */
  readonly name: string;
  readonly text: string;
}

/** A network as one node's Docker shows it. */
export interface DumpNetwork {
  /** Index of its file. */
  readonly file: number;
  readonly network: DockerNetwork;
}

/** The bridge to the outside (docker_gwbridge), as one node's Docker shows it. */
export interface DumpBridge {
  readonly file: number;
  readonly entry: z.infer<typeof DOCKER_NETWORK>;
}

/** What `docker service inspect` says. */
export type DumpService = z.infer<typeof DOCKER_SERVICE>;
/** What `docker inspect TASK` says. */
export type DumpTask = z.infer<typeof DOCKER_TASK>;
/** What `docker node inspect` says. */
export type DumpNode = z.infer<typeof DOCKER_NODE>;
/** What `docker container inspect` says. */
export type DumpContainer = z.infer<typeof DOCKER_CONTAINER>;
/** A line of `docker service ps`. */
export type DumpTaskLine = z.infer<typeof DOCKER_TASK_LINE>;

/** All documents by kind; by id where they have one. */
export interface SwarmDump {
  readonly networks: DumpNetwork[];
  readonly bridges: DumpBridge[];
  readonly services: Map<string, DumpService>;
  readonly tasks: Map<string, DumpTask>;
  readonly nodes: Map<string, DumpNode>;
  readonly containers: Map<string, DumpContainer>;
  readonly taskLines: Map<string, DumpTaskLine>;
}

const Kind = {
  Network: 'docker network inspect',
  Service: 'docker service inspect',
  Task: 'docker inspect of a task',
  Node: 'docker node inspect',
  Container: 'docker container inspect',
  TaskLine: 'docker service ps --format json',
} as const;
type Kind = (typeof Kind)[keyof typeof Kind];

/** The network through which containers reach the outside; Docker looks for it by this name. */
const GATEWAY_BRIDGE = 'docker_gwbridge';
/** Members of an unknown document that are named. */
const MAX_NAMED = 4;

/**
 * Reads the files. A document given twice counts once; of two versions the newer one counts.
 * @throws OverlayError `BAD_IMPORT` with file, line and reason: for text that isn't JSON, a value of a wrong type, or a
 * file without any known document
 */
export function readSwarmDump(files: readonly DumpFile[], warnings: ImportWarnings): SwarmDump {
  const dump: SwarmDump = {
    networks: [],
    bridges: [],
    services: new Map(),
    tasks: new Map(),
    nodes: new Map(),
    containers: new Map(),
    taskLines: new Map(),
  };
  files.forEach(({ name, text }, file) => {
    const documents = jsonDocuments(text);
    if ('what' in documents) {
      throw bad(name, documents.line, `not JSON: ${documents.what} (is the output complete and unedited?)`);
    }
    let known = 0;
    for (const { value, line } of documents) {
      for (const entry of Array.isArray(value) ? (value as unknown[]) : [value]) {
        if (addDocument(dump, { name, file, line }, entry, warnings)) known++;
      }
    }
    if (known > 0) return;
    const what = describeText(text);
    throw new OverlayError(
      'BAD_IMPORT',
      `${name}: no output of docker network, service, task, node or container inspect` +
        (what === undefined || what === 'JSON' ? '' : `; it looks like ${what}`),
    );
  });
  return dump;
}

/** Where a document is. */
interface Place {
  readonly name: string;
  readonly file: number;
  readonly line: number;
}

function bad(name: string, line: number, why: string, cause?: unknown): OverlayError {
  return new OverlayError('BAD_IMPORT', `${name}: line ${line}: ${why}`, { cause });
}

/** Adds a document; returns false if it is none of the known kinds. */
function addDocument(dump: SwarmDump, place: Place, value: unknown, warnings: ImportWarnings): boolean {
  const kind = kindOf(value);
  switch (kind) {
    case Kind.Network: {
      const entry = parsed(DOCKER_NETWORK, value, kind, place);
      const { name, file } = place;
      try {
        if (entry.Driver === 'overlay') dump.networks.push({ file, network: dockerNetworkOf(entry) });
        else if (entry.Name === GATEWAY_BRIDGE) dump.bridges.push({ file, entry });
      } catch (error) {
        if (error instanceof OverlayError) throw bad(name, place.line, error.message, error);
        throw error;
      }
      return true;
    }
    case Kind.Service:
      return keepNewest(dump.services, parsed(DOCKER_SERVICE, value, kind, place), kind, warnings);
    case Kind.Task:
      return keepNewest(dump.tasks, parsed(DOCKER_TASK, value, kind, place), kind, warnings);
    case Kind.Node:
      return keepNewest(dump.nodes, parsed(DOCKER_NODE, value, kind, place), kind, warnings);
    case Kind.Container: {
      const container = parsed(DOCKER_CONTAINER, value, kind, place);
      dump.containers.set(container.Id, container);
      return true;
    }
    case Kind.TaskLine: {
      const line = parsed(DOCKER_TASK_LINE, value, kind, place);
      dump.taskLines.set(line.ID, line);
      return true;
    }
    case undefined: {
      const members = typeof value === 'object' && value !== null ? Object.keys(value).slice(0, MAX_NAMED) : [];
      const what = members.length === 0 ? '' : ` (it has ${members.map(quoted).join(', ')})`;
      warnings.add(
        'unknown',
        `${place.name}: line ${place.line}: not output of a known inspect command${what}: skipped`,
      );
      return false;
    }
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The kind of a document by the members that only this kind has. */
function kindOf(value: unknown): Kind | undefined {
  if (!isObject(value)) return undefined;
  const has = (name: string): boolean => Object.hasOwn(value, name);
  if (has('IPAM') && has('Driver')) return Kind.Network;
  if (has('NetworkSettings')) return Kind.Container;
  if (has('CurrentState') && has('Name')) return Kind.TaskLine;
  if (has('ServiceID') || has('NetworksAttachments') || (has('DesiredState') && has('Spec'))) return Kind.Task;
  if (has('Description') && (has('ManagerStatus') || has('Status'))) return Kind.Node;
  if (isObject(value['Spec']) && Object.hasOwn(value['Spec'], 'TaskTemplate')) return Kind.Service;
  return undefined;
}

function parsed<T extends z.ZodType>(schema: T, value: unknown, kind: Kind, { name, line }: Place): z.infer<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue.path.map((part) => String(part)).join('.');
  throw bad(name, line, `not output of ${kind} (${path === '' ? '' : `${path}: `}${issue.message})`);
}

/** What has an id and a version. */
interface Versioned {
  readonly ID: string;
  readonly Version?: { readonly Index?: number | undefined } | undefined;
}

function keepNewest<T extends Versioned>(all: Map<string, T>, entry: T, kind: Kind, warnings: ImportWarnings): true {
  const before = all.get(entry.ID);
  const [old, young] = [before, entry].map((one) => one?.Version?.Index ?? 0);
  if (before === undefined || young > old) all.set(entry.ID, entry);
  else if (young === old && JSON.stringify(before) !== JSON.stringify(entry)) {
    warnings.add('twice', `${kind}: ${quoted(entry.ID)} appears twice, with different values: the first is used`);
  }
  return true;
}
