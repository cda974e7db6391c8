/** Reads the services of a config. */
import { VtepError } from '../../error.js';
import { inQuotes } from '../../text/plain-text.js';
import { OverlayError } from '../error.js';
import type { Locations, Path } from '../locations.js';
import { INTERFACE_NAME_RULE, isInterfaceName } from '../topology.js';
import {
  Deployment,
  hasEnded,
  NodeAvailability,
  type Service,
  ServiceMode,
  type ServiceNetwork,
  type SwarmNode,
  type Task,
  type TaskSlot,
} from './model.js';
import { parsePublishedPort, type PublishedPort, PublishMode } from './published-port.js';
import { checkKnown, parseIpv4Address, readByNetwork } from './read-values.js';
import type { ParsedServices } from './swarm-schema.js';
import { expandTemplate } from './task-template.js';

/** A DNS label as Docker wants it for a service. */
const SERVICE_NAME = /^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$/;
const MAX_SERVICE_NAME = 63;

type ParsedService = ParsedServices[string];
type ParsedTask = NonNullable<ParsedService['tasks']>[number];

/** What a service is read with. */
interface Context {
  readonly name: string;
  readonly nodes: readonly SwarmNode[];
  /** Its networks, without the ingress network. */
  readonly networks: readonly string[];
  /** The ingress network, if it publishes ports there. */
  readonly ingress: string | undefined;
  readonly locations: Locations;
}

/**
 * Reads the services.
 * @param networks the networks
 * @throws OverlayError `BAD_CONFIG` with the line
 */
export function readServices(
  services: ParsedServices,
  networks: readonly { readonly name: string; readonly ingress: boolean }[],
  nodes: readonly SwarmNode[],
  locations: Locations,
): Service[] {
  const names = networks.map(({ name }) => name);
  return Object.entries(services).map(([name, entry]): Service => {
    const path = ['services', name];
    if (!SERVICE_NAME.test(name) || name.length > MAX_SERVICE_NAME) {
      const why = 'name must be valid as a DNS name component, of at most 63 characters';
      throw locations.error(path, `services.${name}: ${why}`, 'BAD_CONFIG', 'name');
    }
    const own = membershipsOf(entry);
    own.forEach(({ network }, i) => {
      checkKnown(network, 'network', names, [...path, 'networks'], locations);
      if (own.findIndex((other) => other.network === network) === i) return;
      const why = `${inQuotes(network)} is listed twice`;
      throw locations.error([...path, 'networks', i], `services.${name}.networks.${i}: ${why}`);
    });
    const ports = entry.ports.flatMap((port, i) => portsOf(String(port), [...path, 'ports', i], locations));
    const published = ports.some(({ mode }) => mode === PublishMode.Ingress);
    const context: Context = {
      name,
      nodes,
      networks: own.map(({ network }) => network),
      ingress: published ? networks.find(({ ingress }) => ingress)?.name : undefined,
      locations,
    };
    const labels = labelsOf(entry, path, locations);
    return {
      name,
      ...(entry.id === undefined ? {} : { id: entry.id }),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
      mode: entry.mode,
      deploy: entry.deploy,
      networks: own,
      ports,
      vips: vipsOf(entry, context),
      tasks: tasksOf(entry, context),
    };
  });
}

function membershipsOf({ networks, aliases }: ParsedService): ServiceNetwork[] {
  if (Array.isArray(networks)) return networks.map((network) => ({ network, aliases }));
  return Object.entries(networks).map(([network, own]) => ({
    network,
    aliases: [...aliases, ...(own?.aliases ?? [])],
  }));
}

/** As Compose does: numbers and booleans become text, and a name alone is a label without a value. */
function labelsOf({ labels }: ParsedService, path: Path, locations: Locations): Readonly<Record<string, string>> {
  if (!Array.isArray(labels)) {
    return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value ?? '')]));
  }
  const read = new Map<string, string>();
  for (const [i, label] of labels.entries()) {
    const at = label.indexOf('=');
    const name = at < 0 ? label : label.slice(0, at);
    if (read.has(name)) {
      throw locations.error([...path, 'labels', i], `${path.join('.')}.labels.${i}: ${inQuotes(name)} is listed twice`);
    }
    read.set(name, at < 0 ? '' : label.slice(at + 1));
  }
  return Object.fromEntries(read);
}

function portsOf(text: string, path: Path, locations: Locations): PublishedPort[] {
  try {
    return parsePublishedPort(text);
  } catch (error) {
    if (error instanceof VtepError) throw locations.error(path, `${path.join('.')}: ${error.message}`);
    throw error;
  }
}

function vipsOf({ mode, vip }: ParsedService, context: Context): ReadonlyMap<string, Uint8Array> {
  const { name, networks, ingress, locations } = context;
  const path = ['services', name, 'vip'];
  if (vip !== undefined && mode === ServiceMode.DnsRr) {
    throw locations.error(path, `services.${name}.vip: a service with mode: dnsrr has no virtual IP`);
  }
  return readByNetwork({ value: vip, path, networks, ingress }, locations, parseIpv4Address);
}

/** The tasks listed, and those that replicas or nodes still lack. */
function tasksOf(entry: ParsedService, context: Context): Task[] {
  const { name, nodes, locations } = context;
  const listed = listedTasks(entry, context);
  const active = nodes.filter(({ availability }) => availability !== NodeAvailability.Drain).map((node) => node.name);
  const netns = (slot: TaskSlot, node: string | undefined): Pick<Task, 'netns'> => {
    return netnsOf(entry.netns, ['services', name, 'netns'], slot, node, context);
  };
  if (entry.deploy === Deployment.Global) {
    if (entry.replicas !== undefined) {
      const why = 'replicas can only be used with replicated mode';
      throw locations.error(['services', name, 'replicas'], `services.${name}.replicas: ${why}`);
    }
    const taken = new Set(listed.map(({ node }) => node));
    const others = active.filter((node) => !taken.has(node));
    return [...listed, ...others.map((node): Task => ({ slot: node, node, state: 'running', ...netns(node, node) }))];
  }
  // A task that is draining or has ended has been replaced by another.
  const current = listed.filter(({ state, drain }) => !hasEnded(state) && drain !== true);
  const wanted = entry.replicas ?? (entry.tasks === undefined ? 1 : current.length);
  if (wanted < current.length) {
    throw locations.error(
      ['services', name, 'replicas'],
      `services.${name}.replicas: there are ${current.length} tasks; leave replicas out, or list at most ${wanted}`,
    );
  }
  const slots = new Set(listed.map(({ slot }) => slot));
  const place = placement(active, current);
  const added: Task[] = [];
  for (let slot = 1; added.length < wanted - current.length; slot++) {
    if (slots.has(slot)) continue;
    const node = place();
    added.push({ slot, node, state: 'running', ...netns(slot, node) });
  }
  return [...listed, ...added];
}

/** Places tasks on the nodes in turn, each on the one with the fewest. */
function placement(nodes: readonly string[], tasks: readonly Task[]): () => string | undefined {
  const counts = new Map(nodes.map((node) => [node, 0]));
  for (const { node } of tasks) {
    const count = node === undefined ? undefined : counts.get(node);
    if (node !== undefined && count !== undefined) counts.set(node, count + 1);
  }
  // Level by level: the nodes with fewer tasks than the others come first.
  let level = Math.min(...counts.values());
  let next = 0;
  return () => {
    if (nodes.length === 0) return undefined;
    for (;;) {
      for (; next < nodes.length; next++) {
        const node = nodes[next];
        if (counts.get(node) !== level) continue;
        counts.set(node, level + 1);
        return node;
      }
      next = 0;
      level++;
    }
  };
}

function listedTasks(entry: ParsedService, context: Context): Task[] {
  const { name, nodes, locations } = context;
  const names = nodes.map((node) => node.name);
  const draining = new Set(nodes.flatMap((node) => (node.availability === NodeAvailability.Drain ? [node.name] : [])));
  const slots = new Set<TaskSlot>();
  return (entry.tasks ?? []).map((task, i): Task => {
    const path = ['services', name, 'tasks', i];
    const { node, state, id, drain } = task;
    if (node !== undefined) checkKnown(node, 'node', names, [...path, 'node'], locations);
    const slot = slotOf(entry, task, i, path, locations);
    if (slots.has(slot)) {
      const what = entry.deploy === Deployment.Global ? 'is on' : 'has slot';
      throw locations.error(path, `${path.join('.')}: another task ${what} ${slot} already`);
    }
    slots.add(slot);
    const { networks, ingress } = context;
    const own = { networks, ingress };
    return {
      slot,
      node,
      state,
      drain: drain || (node !== undefined && draining.has(node)),
      ...(id === undefined ? {} : { id }),
      addresses: readByNetwork({ value: task.ip, path: [...path, 'ip'], ...own }, locations, parseIpv4Address),
      devices: readByNetwork({ value: task.device, path: [...path, 'device'], ...own }, locations, parseDevice),
      ...netnsOf(task.netns ?? entry.netns, [...path, 'netns'], slot, node, context),
    };
  });
}

function slotOf(
  { deploy }: ParsedService,
  task: ParsedTask,
  index: number,
  path: Path,
  locations: Locations,
): TaskSlot {
  const { slot, node } = task;
  if (deploy === Deployment.Replicated) return slot ?? index + 1;
  if (slot !== undefined) {
    throw locations.error([...path, 'slot'], `${path.join('.')}.slot: the tasks of a global service have no slots`);
  }
  if (node !== undefined) return node;
  throw locations.error(path, `${path.join('.')}: a task of a global service needs its node`);
}

function netnsOf(
  template: string | undefined,
  path: Path,
  slot: TaskSlot,
  node: string | undefined,
  { name, locations }: Context,
): Pick<Task, 'netns'> {
  if (template === undefined) return {};
  const values = { service: name, slot: String(slot), node: node ?? '' };
  return { netns: locations.read(path, (text) => expandTemplate(text, values), template) };
}

function parseDevice(text: string): string {
  if (isInterfaceName(text)) return text;
  throw new OverlayError('BAD_CONFIG', INTERFACE_NAME_RULE);
}
