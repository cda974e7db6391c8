/** The nodes of a dumped swarm: their names from `docker node inspect`, their VTEPs from it or from the tasks' hosts. */
import { formatAddress, parseIp } from '../prefix.js';
import type { Node } from '../topology.js';
import type { ImportWarnings } from './import-warnings.js';
import { readAs } from './read-as.js';
import type { DumpNode, SwarmDump } from './swarm-dump.js';

const UNDERLAY_MTU = 1500;
/** How many characters of an id `docker service ps` and container names show. */
export const SHORT_ID = 12;
const NODE_LABEL = 'com.docker.swarm.node.id';

/** The nodes, and what leads to them. All look-ups return an index, or -1. */
export interface SwarmNodes {
  readonly nodes: readonly Node[];
  /** The node that a task runs on, by the task's id. */
  ofTask(id: string): number;
  /** The node that a container runs on, by the container's id. */
  ofContainer(id: string): number;
  /** The node with a VTEP. */
  ofVtep(address: Uint8Array): number;
}

/** A node before it has an index. */
interface Draft {
  name: string | undefined;
  readonly id: string | undefined;
  vtep: Uint8Array | undefined;
  readonly down: boolean;
}

/** Id of the task that a container's name ends in: `my-web.1.j41qw6u3cnhesobnnafym7p32`. */
export function taskIdOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/**
 * Finds the nodes.
 * @throws OverlayError `BAD_IMPORT` for an invalid address
 */
export function swarmNodes(dump: SwarmDump, warnings: ImportWarnings): SwarmNodes {
  const drafts = new Map<string, Draft>();
  for (const node of dump.nodes.values()) {
    const down = node.Status?.State === 'down';
    drafts.set(node.ID, { name: node.Description.Hostname, id: node.ID, vtep: advertised(node), down });
  }
  const byTask = new Map<string, string>();
  const byContainer = new Map<string, string>();
  for (const { ID, NodeID, Status } of dump.tasks.values()) {
    if (NodeID === undefined || NodeID === '') continue;
    byTask.set(ID, NodeID);
    const container = Status?.ContainerStatus?.ContainerID;
    if (container !== undefined && container !== '') byContainer.set(container, NodeID);
    if (!drafts.has(NodeID)) drafts.set(NodeID, { name: undefined, id: NodeID, vtep: undefined, down: false });
  }
  for (const { Id, Config } of dump.containers.values()) {
    const labels = Config?.Labels ?? {};
    const node = Object.hasOwn(labels, NODE_LABEL) ? labels[NODE_LABEL] : undefined;
    if (node === undefined) continue;
    byContainer.set(Id, node);
    if (!drafts.has(node)) drafts.set(node, { name: undefined, id: node, vtep: undefined, down: false });
  }
  const others = takeHosts(dump, drafts, byTask, byContainer, warnings);
  return indexed([...drafts.values(), ...others], byTask, byContainer, warnings);
}

/** The address that a node advertises; a leader's may be missing in its status. */
function advertised({ Description, Status, ManagerStatus }: DumpNode): Uint8Array | undefined {
  const manager = /^(?:\[(.*)\]|([^:]*)):\d{1,5}$/.exec(ManagerStatus?.Addr ?? '');
  const managed = manager?.[1] ?? manager?.[2] ?? '';
  const text = [Status?.Addr ?? '', managed].find((address) => !['', '0.0.0.0', '::', '127.0.0.1'].includes(address));
  if (text === undefined) return undefined;
  return readAs(`node ${Description.Hostname}`, () => parseIp(text));
}

/**
 * Takes the VTEPs that `docker network inspect --verbose` shows with each task: they are data-path addresses, which may
 * differ from the advertised ones. Returns nodes that only appear there.
 */
function takeHosts(
  dump: SwarmDump,
  drafts: ReadonlyMap<string, Draft>,
  byTask: ReadonlyMap<string, string>,
  byContainer: ReadonlyMap<string, string>,
  warnings: ImportWarnings,
): Draft[] {
  const names = new Map([...dump.taskLines.values()].map(({ ID, Node }) => [ID.slice(0, SHORT_ID), Node]));
  const byEndpoint = new Map<string, string>();
  for (const { network } of dump.networks) {
    for (const { container, endpoint } of network.endpoints) {
      const node = byContainer.get(container);
      if (endpoint !== undefined && node !== undefined) byEndpoint.set(endpoint, node);
    }
  }
  const found = new Map<string, Uint8Array>();
  const others = new Map<string, Draft>();
  for (const { network } of dump.networks) {
    for (const { name, endpoint, host } of network.tasks ?? []) {
      if (host === undefined) continue;
      const address = formatAddress(host);
      const task = taskIdOf(name);
      const id = byTask.get(task) ?? byEndpoint.get(endpoint ?? '');
      const draft = id === undefined ? undefined : drafts.get(id);
      if (id === undefined || draft === undefined) {
        const other = others.get(address) ?? { name: undefined, id: undefined, vtep: host, down: false };
        other.name ??= names.get(task.slice(0, SHORT_ID));
        others.set(address, other);
        continue;
      }
      const before = found.get(id);
      if (before === undefined) {
        found.set(id, host);
        draft.vtep = host;
        draft.name ??= names.get(task.slice(0, SHORT_ID));
      } else if (formatAddress(before) !== address) {
        warnings.add(
          'hosts',
          `node ${draft.name ?? id}: its tasks are behind ${formatAddress(before)} and ${address}: the first is used` +
            ' (were the outputs collected at different times?)',
        );
      }
    }
  }
  const known = new Set([...drafts.values()].flatMap(({ vtep }) => (vtep === undefined ? [] : [formatAddress(vtep)])));
  return [...others].flatMap(([address, draft]) => (known.has(address) ? [] : [draft]));
}

function indexed(
  drafts: readonly Draft[],
  byTask: ReadonlyMap<string, string>,
  byContainer: ReadonlyMap<string, string>,
  warnings: ImportWarnings,
): SwarmNodes {
  const owners = new Map<string, Draft>();
  // A node that left and joined again is listed twice, with one address.
  for (const draft of [...drafts].sort((a, b) => Number(a.down) - Number(b.down))) {
    const { id, name, vtep } = draft;
    if (vtep === undefined) {
      warnings.add('node', `node ${name ?? id ?? ''}: its address is unknown (no docker node inspect): it is left out`);
      continue;
    }
    const address = formatAddress(vtep);
    const owner = owners.get(address);
    if (owner === undefined) {
      owners.set(address, draft);
    } else if (!draft.down) {
      warnings.add(
        'node',
        `nodes ${owner.name ?? ''} and ${name ?? ''} have the address ${address}: the first is used`,
      );
    }
  }
  const counts = new Map<string, number>();
  for (const { name } of owners.values()) if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  const named = [...owners]
    .map(([address, { name, id, vtep }]) => {
      const own = name ?? address;
      return { name: (counts.get(own) ?? 1) > 1 ? `${own} (${(id ?? address).slice(0, SHORT_ID)})` : own, id, vtep };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const nodes = named.flatMap(({ name, vtep }): Node[] =>
    vtep === undefined ? [] : [{ name, vtep, mac: undefined, mtu: UNDERLAY_MTU }],
  );
  const byId = new Map(named.map(({ id }, index) => [id, index]));
  const byVtep = new Map(nodes.map(({ vtep }, index) => [formatAddress(vtep), index]));
  const of = (ids: ReadonlyMap<string, string>, key: string): number => {
    const id = ids.get(key);
    return id === undefined ? -1 : (byId.get(id) ?? -1);
  };
  return {
    nodes,
    ofTask: (id) => of(byTask, id),
    ofContainer: (id) => of(byContainer, id),
    ofVtep: (address) => byVtep.get(formatAddress(address)) ?? -1,
  };
}
