/** The HTTP routing mesh of a node: the thread of `LiveMesh`, in step with the services of the overlay. */
import type { Route } from '../../../mesh/index.js';
import {
  DEFAULT_MESH,
  EndpointKind,
  type MeshSettings,
  type ServiceChange,
  ServiceChangeKind,
  type ServiceLabels,
  type Topology,
} from '../../../overlay/index.js';
import { backendsKey, type MeshReport } from '../plan.js';
import type { PrometheusText } from '../../metrics/prometheus-text.js';
import type { PartSource, ServicePart } from '../../services/service-part.js';
import type { StatusSection } from '../../status/status-section.js';
import { namespacePath } from '../../system/network-namespace.js';
import { configuredBy } from './configured.js';
import { LiveMesh } from './live-mesh.js';
import { meshLines, meshSection } from './mesh-status.js';
import { meshMetrics } from './mesh-metrics.js';
import type { MeshOverrides } from './mesh-overrides.js';
import { planSettings, runsOn } from './plan-settings.js';
import { planRoutes, type PlannedRoutes } from './route-plan.js';
import { type ServiceOnNetwork, TaskIndex } from './task-index.js';
import { ToldTroubles } from './told-troubles.js';

/** Milliseconds in which changes of labels are followed together. */
const DEBOUNCE = 20;
/** Milliseconds that requests under way get when the mesh isn't wanted any more. */
const PATIENCE = 10_000;
/** The same if `close` comes without `drain`: interfaces are gone by then, so only responses that are there can go out. */
const LAST_PATIENCE = 500;
/** Most troubles about networks that are told. */
const MAX_UNREACHED = 20;
/** Groups of troubles, beside those of services. */
const OF_NODE = 'node';
const OF_SETTINGS = 'settings';

const NO_ROUTES: PlannedRoutes = { routes: [], troubles: [], unreached: [] };

/** A service that has routes. */
interface RoutedService {
  readonly plan: PlannedRoutes;
  /** The routes as a text, to see whether they have changed. */
  readonly text: string;
  readonly networks: ReadonlySet<string>;
}

/**
 * The mesh. It runs where the settings say so, or with defaults on nodes that reach a service whose labels give routes,
 * unless these are imported.
 * Changes of tasks reach its thread within the call; those of labels within 20 ms, together.
 */
export class MeshPart implements ServicePart {
  readonly name = 'mesh';
  readonly #node: string;
  readonly #tell: (text: string) => void;
  readonly #troubles: ToldTroubles;
  readonly #index = new TaskIndex();
  #overrides: MeshOverrides;
  /** Of the overlay's services. */
  #given: MeshSettings | undefined;
  #labels = new Map<string, ServiceLabels>();
  /** Routes of the settings, by service. */
  #configured: ReadonlyMap<string, readonly Route[]> = new Map();
  /** This node's endpoints by the namespace of each; that of the host is `undefined`. */
  #attached: ReadonlyMap<string | undefined, ReadonlySet<string>> = new Map();
  readonly #routed = new Map<string, RoutedService>();
  /** Services of which something was planned or told. */
  readonly #planned = new Set<string>();
  /** Troubles of services on networks that this node doesn't reach. */
  readonly #unreached = new Map<string, readonly string[]>();
  /** Services whose routes are planned again soon. */
  readonly #stale = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #mesh: LiveMesh | undefined;
  /** Backends as the thread has them, as texts, by service and network. */
  readonly #sent = new Map<string, string>();
  /** Threads that end, and their end. */
  readonly #ending = new Map<LiveMesh, Promise<void>>();
  #isClosed = false;

  /**
   * @param node the node's name
   * @param tell receives a description of each problem
   * @param overrides what this node has of its own, instead of what the overlay's services say
   */
  constructor(node: string, tell: (text: string) => void, overrides: MeshOverrides = {}) {
    this.#node = node;
    this.#tell = tell;
    this.#troubles = new ToldTroubles((text) => tell(`HTTP mesh: ${text}`));
    this.#overrides = overrides;
  }

  /** What the thread had done when `check` was called last; undefined if it doesn't run. */
  get report(): MeshReport | undefined {
    return this.#mesh?.report;
  }

  get lines(): readonly string[] {
    return this.#mesh === undefined ? [] : meshLines(this.#settings ?? DEFAULT_MESH, this.#routes());
  }

  /** Takes over other settings of this node, and opens the log again. */
  override(overrides: MeshOverrides): void {
    this.#overrides = overrides;
    this.#followSettings();
    this.#troubles.tell();
  }

  update({ topology }: PartSource): void {
    const { services } = topology;
    this.#given = services?.mesh;
    this.#attached = attachedBy(topology, this.#node);
    this.#labels = new Map(services?.labels?.map((one) => [one.service, one]));
    for (const network of services?.networks ?? []) this.#index.setNetwork(network);
    const wanted = new Map<string, Set<string>>();
    for (const record of services?.records ?? []) {
      this.#index.set(record);
      const endpoints = wanted.get(record.network);
      if (endpoints === undefined) wanted.set(record.network, new Set([record.endpoint]));
      else endpoints.add(record.endpoint);
    }
    for (const [network, endpoint] of [...this.#index.keys()]) {
      if (wanted.get(network)?.has(endpoint) !== true) this.#index.remove(network, endpoint);
    }
    this.#followSettings();
    // Before the node's services are known, each route would lack its tasks; `check` tells what lasts.
    if (services !== undefined) this.#troubles.tell();
  }

  refresh({ topology }: PartSource): void {
    this.#attached = attachedBy(topology, this.#node);
    this.#planAll();
  }

  applyServices(changes: readonly ServiceChange[]): void {
    const changed: ServiceOnNetwork[] = [];
    for (const change of changes) {
      switch (change.kind) {
        case ServiceChangeKind.SetNetwork:
          this.#index.setNetwork(change.network);
          break;
        case ServiceChangeKind.RemoveNetwork:
          changed.push(...this.#index.removeNetwork(change.name));
          break;
        case ServiceChangeKind.SetRecord: {
          const { service, network } = change.record;
          // The first task on a network may be what a route waits for.
          if (service !== undefined && !this.#index.has(service.name, network)) this.#planSoon(service.name);
          changed.push(...this.#index.set(change.record));
          break;
        }
        case ServiceChangeKind.RemoveRecord:
          changed.push(...this.#index.remove(change.network, change.endpoint));
          break;
        case ServiceChangeKind.SetLabels:
          this.#labels.set(change.labels.service, change.labels);
          this.#planSoon(change.labels.service);
          break;
        case ServiceChangeKind.RemoveLabels:
          this.#planSoon(change.service);
          this.#labels.delete(change.service);
      }
    }
    const done = new Set<string>();
    for (const { service, network } of changed) {
      const key = backendsKey(service, network);
      if (done.has(key)) continue;
      done.add(key);
      if (!this.#index.has(service, network)) this.#planSoon(service);
      if (this.#routed.get(service)?.networks.has(network) === true) this.#sendBackends(service, network);
    }
  }

  async settled(): Promise<void> {
    this.#planStale();
    await this.#mesh?.settled();
  }

  check(): void {
    this.#planStale();
    this.#troubles.tell();
    this.#arrange();
    this.#mesh?.ask();
  }

  status(): StatusSection {
    return meshSection(this.#mesh !== undefined, this.#mesh?.report, this.#troubles.size);
  }

  addMetrics(text: PrometheusText): void {
    const report = this.#mesh?.report;
    if (report !== undefined) meshMetrics(text, report);
  }

  drain(patience: number): Promise<void> | undefined {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#stop(patience);
    if (this.#ending.size === 0) return undefined;
    return Promise.all(this.#ending.values()).then(() => undefined);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    // Those that are still at it have had their time.
    for (const mesh of this.#ending.keys()) mesh.terminate();
    this.#stop(LAST_PATIENCE);
    await Promise.all(this.#ending.values());
  }

  /** The settings, if there are any; otherwise labels decide, with defaults. */
  get #settings(): MeshSettings | undefined {
    return this.#overrides.mesh ?? this.#given;
  }

  /** Whether nothing says that this node runs none. */
  get #mayRun(): boolean {
    return this.#settings === undefined || runsOn(this.#settings, this.#node);
  }

  #routes(): Route[] {
    return Array.from(this.#routed.values(), ({ plan }) => plan.routes).flat();
  }

  #followSettings(): void {
    const settings = this.#settings;
    const { services, troubles } = configuredBy(settings);
    this.#configured = services;
    this.#troubles.set(OF_SETTINGS, this.#mayRun ? troubles : []);
    this.#planAll();
    for (const service of this.#routed.keys()) this.#sendAll(service);
    // Also without a change: the log may have been rotated.
    if (this.#mesh !== undefined) this.#sendSettings(this.#mesh);
  }

  #planAll(): void {
    const services = [...this.#labels.keys(), ...this.#configured.keys(), ...this.#planned];
    for (const service of services) this.#stale.add(service);
    this.#planStale();
  }

  /** Plans a service's routes again, with others that change meanwhile. */
  #planSoon(service: string): void {
    if (!this.#labels.has(service) && !this.#configured.has(service)) return;
    this.#stale.add(service);
    this.#timer ??= setTimeout(() => this.#planStale(), DEBOUNCE);
  }

  #planStale(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isClosed) return;
    const stale = [...this.#stale];
    this.#stale.clear();
    for (const service of stale) this.#plan(service);
    if (stale.length > 0 || this.#settings !== undefined) this.#arrange();
  }

  #plan(service: string): void {
    const { netns } = this.#settings ?? DEFAULT_MESH;
    const configured = this.#configured.get(service) ?? [];
    const place = netns === undefined ? undefined : namespacePath(netns);
    const reached = this.#attached.get(place) ?? new Set<string>();
    const labels = this.#labels.get(service);
    const counts = this.#mayRun && (this.#settings !== undefined || labels?.isImported !== true);
    const plan = counts
      ? planRoutes(service, { index: this.#index, labels, configured, reached, netns, node: this.#node })
      : NO_ROUTES;
    if (plan.routes.length + plan.troubles.length + plan.unreached.length > 0) this.#planned.add(service);
    else this.#planned.delete(service);
    this.#troubles.set(`service ${service}`, plan.troubles);
    if (plan.unreached.length === 0) this.#unreached.delete(service);
    else this.#unreached.set(service, plan.unreached);
    const before = this.#routed.get(service);
    const text = JSON.stringify(plan.routes);
    if (text === (before?.text ?? '[]')) return;
    const networks = new Set(plan.routes.map(({ network = '' }) => network));
    if (plan.routes.length === 0) this.#routed.delete(service);
    else this.#routed.set(service, { plan, text, networks });
    // Backends first, so that no request meets a route without any.
    for (const network of networks) this.#sendBackends(service, network);
    this.#mesh?.order({ kind: 'routes', service, routes: plan.routes });
    for (const network of before?.networks ?? []) {
      if (networks.has(network)) continue;
      this.#sent.delete(backendsKey(service, network));
      this.#mesh?.order({ kind: 'forget-backends', service, network });
    }
  }

  /** Starts or ends the thread. */
  #arrange(): void {
    if (this.#isClosed) return;
    const isWanted = this.#mayRun && (this.#settings !== undefined || this.#routed.size > 0);
    if (isWanted && this.#mesh === undefined) this.#start();
    else if (!isWanted && this.#mesh !== undefined) this.#stop();
    this.#troubles.set(OF_NODE, this.#unreachedTexts(isWanted));
  }

  /** Of a node that isn't meant to run a mesh, perhaps: one text for all. */
  #unreachedTexts(isWanted: boolean): readonly string[] {
    if (isWanted) return [...this.#unreached.values()].flat().slice(0, MAX_UNREACHED);
    for (const [first] of this.#unreached.values()) {
      return [`labels ask for routes that this node doesn't reach (mesh: false if it needn't): ${first}`];
    }
    return [];
  }

  #start(): void {
    const mesh = new LiveMesh({
      onTrouble: (what) => this.#tell(`HTTP mesh: ${what}`),
      onEnd: (why) => {
        if (this.#mesh === mesh) this.#mesh = undefined;
        this.#tell(`the HTTP mesh has stopped, and starts again: ${why}`);
      },
    });
    this.#mesh = mesh;
    this.#sent.clear();
    for (const service of this.#routed.keys()) this.#sendAll(service);
    for (const [service, { plan }] of this.#routed) mesh.order({ kind: 'routes', service, routes: plan.routes });
    this.#sendSettings(mesh);
  }

  #stop(patience = PATIENCE): void {
    const mesh = this.#mesh;
    this.#mesh = undefined;
    if (mesh === undefined) return;
    const ended = mesh.close(patience).finally(() => this.#ending.delete(mesh));
    this.#ending.set(mesh, ended);
  }

  #sendSettings(mesh: LiveMesh): void {
    const settings = planSettings(this.#settings ?? DEFAULT_MESH, this.#overrides, this.#node);
    mesh.order({ kind: 'settings', settings });
  }

  #sendAll(service: string): void {
    for (const network of this.#routed.get(service)?.networks ?? []) this.#sendBackends(service, network);
  }

  #sendBackends(service: string, network: string): void {
    const mesh = this.#mesh;
    if (mesh === undefined || network === '') return;
    const backends = this.#index.backendsOf(service, network);
    const key = backendsKey(service, network);
    const text = JSON.stringify(backends);
    if (this.#sent.get(key) === text) return;
    this.#sent.set(key, text);
    mesh.order({ kind: 'backends', backends });
  }
}

/** The networks of a node's containers, by the path of their namespace. */
function attachedBy({ nodes, networks, endpoints }: Topology, node: string): Map<string | undefined, Set<string>> {
  const here = nodes.findIndex(({ name }) => name === node);
  const attached = new Map<string | undefined, Set<string>>();
  for (const { node: index, kind = EndpointKind.Container, netns, network } of endpoints) {
    if (index !== here || kind !== EndpointKind.Container) continue;
    const place = netns === undefined ? undefined : namespacePath(netns);
    const names = attached.get(place);
    if (names === undefined) attached.set(place, new Set([networks[network].name]));
    else names.add(networks[network].name);
  }
  return attached;
}
