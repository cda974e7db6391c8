/** Engines of `docker info` and `docker version`, as text and as JSON. */
import { type PastedLine, pastedLines } from '../../../text/pasted-text.js';
import type { EngineView } from '../../evidence/docker.js';
import { addressOf, socketAddressOf } from '../address-text.js';
import { isObject, type JsonObject, listOf, numberOf, objectOf, stringOf } from '../json-values.js';
import { keptId, keptText, placeIn, type Source } from '../source.js';

const MAX_WARNINGS = 50;
const MAX_MANAGERS = 50;

/** An engine, and the time at which it was asked, if shown. */
export interface DatedEngine {
  readonly engine: EngineView;
  /** Seconds since 1970; undefined if not shown. */
  readonly seconds: number | undefined;
}

type Draft = { -readonly [Name in keyof EngineView]: EngineView[Name] } & {
  readonly managers: string[];
  readonly warnings: string[];
};

function draftOf(source: Source, line: number): Draft {
  return {
    place: placeIn(source, line),
    version: '',
    kernel: '',
    name: '',
    swarm: '',
    cluster: '',
    nodeAddress: '',
    dataPathPort: 0,
    managers: [],
    warnings: [],
  };
}

/** Seconds since 1970 of a time in the format of RFC 3339; undefined if it is none. */
export function secondsOf(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d/.test(text)) return undefined;
  const milliseconds = Date.parse(text.slice(0, 40).replace(/(\.\d{3})\d+/, '$1'));
  return Number.isNaN(milliseconds) ? undefined : milliseconds / 1000;
}

/** The engines of a source's text: one of each `docker info` and `docker version`. */
export function* parseEngines(source: Source): Generator<DatedEngine, void> {
  let reader: EngineReader | undefined;
  for (const line of pastedLines(source.text)) {
    // A second output begins with the client again, or without one, with what the first has already.
    if (reader === undefined || (/^Client:/.test(line.text) && reader.hasServer)) {
      const found = reader?.found;
      if (found !== undefined) yield found;
      reader = new EngineReader(source, line.number);
    }
    reader.take(line);
  }
  const found = reader?.found;
  if (found !== undefined) yield found;
}

/** Reads the text of one output. */
class EngineReader {
  readonly #draft: Draft;
  #seconds: number | undefined;
  #isUsed = false;
  /** Whether the server's part has begun. */
  hasServer = false;
  /** Width of the indentation of `Manager Addresses:`, which precedes a list; -1 outside of it. */
  #listIndent = -1;
  /** Width of the indentation of the server's members. */
  #indent = -1;

  constructor(source: Source, line: number) {
    this.#draft = draftOf(source, line);
  }

  get found(): DatedEngine | undefined {
    return this.#isUsed ? { engine: this.#draft, seconds: this.#seconds } : undefined;
  }

  take({ text, indent }: PastedLine): void {
    if (this.#listIndent >= 0) {
      const manager = indent > this.#listIndent ? socketAddressOf(text) : undefined;
      if (manager !== undefined) {
        if (this.#draft.managers.length < MAX_MANAGERS) this.#draft.managers.push(keptText(text));
        return;
      }
      this.#listIndent = -1;
    }
    if (/^(?:WARNING|DEPRECATED): /.test(text)) {
      if (this.#draft.warnings.length < MAX_WARNINGS) this.#draft.warnings.push(keptText(text));
      return;
    }
    const match = /^([A-Z][A-Za-z ]{1,40}):(?: +(.*))?$/.exec(text.slice(0, 400));
    if (match === null) return;
    const [, name, value = ''] = match;
    if (name === 'Server') this.hasServer = true;
    this.#takeMember(name, value.trim(), indent);
  }

  #takeMember(name: string, value: string, indent: number): void {
    const draft = this.#draft;
    switch (name) {
      case 'Server Version':
        this.hasServer = true;
        this.#indent = indent;
        draft.version = keptText(value);
        break;
      case 'Version':
        // Of `docker version`: the first one of the server; those after it are containerd's and runc's.
        if (!this.hasServer || draft.version !== '') return;
        draft.version = keptText(value);
        break;
      case 'Kernel Version':
        draft.kernel = keptText(value);
        break;
      case 'Name':
        // Plugins have names, too, but are further to the right.
        if (draft.name !== '' || indent !== this.#indent) return;
        draft.name = keptText(value);
        break;
      case 'Swarm':
        draft.swarm = keptText(value);
        break;
      case 'ClusterID':
        draft.cluster = keptId(value);
        break;
      case 'Node Address':
        draft.nodeAddress = addressOf(value) ?? '';
        break;
      case 'Data Path Port':
        draft.dataPathPort = /^\d{1,5}$/.test(value) ? Number(value) : 0;
        break;
      case 'Manager Addresses':
        this.#listIndent = indent;
        break;
      case 'System Time':
        this.#seconds = secondsOf(value);
        return;
      default:
        return;
    }
    this.#isUsed = true;
  }
}

/** Whether an object is what `docker info` or `docker version` prints as JSON. */
export function isDockerEngine(object: JsonObject): boolean {
  const { Server, Client, ServerVersion, KernelVersion } = object;
  return (
    typeof ServerVersion === 'string' ||
    (typeof KernelVersion === 'string' && 'Version' in object) ||
    (isObject(Client) && (isObject(Server) || Server === null))
  );
}

/** The engine that an object describes. */
export function engineOf(source: Source, object: JsonObject, line: number): DatedEngine {
  const draft = draftOf(source, line);
  const server = isObject(object['Server']) ? object['Server'] : object;
  const swarm = objectOf(object['Swarm']);
  draft.version = keptText(stringOf(object['ServerVersion'] ?? server['Version']));
  draft.kernel = keptText(stringOf(object['KernelVersion'] ?? server['KernelVersion']));
  draft.name = keptText(stringOf(object['Name']));
  draft.swarm = keptText(stringOf(swarm['LocalNodeState']));
  draft.cluster = keptId(stringOf(objectOf(swarm['Cluster'])['ID']));
  draft.nodeAddress = addressOf(stringOf(swarm['NodeAddr'])) ?? '';
  draft.dataPathPort = numberOf(objectOf(swarm['Cluster'])['DataPathPort']);
  for (const manager of listOf(swarm['RemoteManagers']).slice(0, MAX_MANAGERS)) {
    draft.managers.push(keptText(stringOf(objectOf(manager)['Addr'])));
  }
  for (const warning of listOf(object['Warnings']).slice(0, MAX_WARNINGS)) {
    if (typeof warning === 'string') draft.warnings.push(keptText(warning));
  }
  return { engine: draft, seconds: secondsOf(stringOf(object['SystemTime'])) };
}
