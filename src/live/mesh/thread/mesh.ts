/** A mesh: its routes, backends, listeners and log, as the main thread orders them. */
import type { Socket, TcpNetConnectOpts } from 'node:net';
import { type AddedFields, AddedFieldsMaker, type Received } from '../../../mesh/index.js';
import { ForwardedStyle, ProxyVersion } from '../../../overlay/index.js';
import type { Client } from '../client.js';
import { beginningFor } from '../client-beginning.js';
import type { Exchange } from '../exchange.js';
import { UpstreamPool } from '../http1/upstream-pool.js';
import { BackendSessions } from '../http2/backend-sessions.js';
import { AccessLog } from '../log/access-log.js';
import { logLine } from '../log/log-line.js';
import type { FrontTimeouts, MeshContext } from '../mesh-context.js';
import {
  type BackendReport,
  MAX_REPORTED,
  type MeshMessage,
  type MeshOrder,
  type MeshPlanSettings,
  type MeshReport,
} from '../plan.js';
import type { LiveRoute } from '../routing/live-route.js';
import type { Target } from '../routing/target.js';
import { TargetProbes } from '../routing/target-probes.js';
import { BackendSockets } from './backend-sockets.js';
import { Fronts } from './fronts.js';
import { LiveRoutes } from './live-routes.js';
import { Targets } from './targets.js';

/** The beginning of pseudonyms. */
const PSEUDONYM = 'vtep';
/** Until there are settings. */
const NO_TIMEOUTS: FrontTimeouts = { head: 10_000, idle: 60_000, connect: 2000, response: 60_000, tunnel: 3_600_000 };
/** Milliseconds between two sweeps: a probe may begin so much later than it should, and still before its target is back. */
const SWEEP = 200;
/** Most troubles about conflicting routes that are told at once. */
const MAX_CONFLICTS = 20;

/** A mesh. Orders take effect in their order, routes at the end of a turn in which some have changed. */
export class Mesh implements MeshContext {
  readonly pool: UpstreamPool;
  readonly sessions: BackendSessions;
  readonly clock = (): number => performance.now();
  readonly #post: (message: MeshMessage) => void;
  readonly #sockets: BackendSockets;
  readonly #probes: TargetProbes;
  readonly #targets: Targets;
  readonly #routes: LiveRoutes;
  readonly #fronts: Fronts;
  readonly #log: AccessLog;
  /** For what is done a few times per second. */
  readonly #timer: NodeJS.Timeout;
  /** Troubles that were told, by cause. */
  readonly #told = new Map<string, string>();
  #settings: MeshPlanSettings | undefined;
  #isStale = false;
  #unrouted = 0;
  /** Conflicts of routes that were told. */
  #conflicts: ReadonlySet<string> = new Set();
  pseudonym = PSEUDONYM;
  #added = new AddedFieldsMaker(ForwardedStyle.X, PSEUDONYM);

  /** @param post sends a message to the main thread */
  constructor(post: (message: MeshMessage) => void) {
    this.#post = post;
    this.#log = new AccessLog((what) => this.#trouble('log', what));
    this.#sockets = new BackendSockets({
      clock: this.clock,
      patience: () => this.timeouts.connect,
      onFailed: (target) => this.#probes.add(target),
      onMoved: () => this.#targets.forgetFailures(this.clock()),
      onTrouble: (what) => this.#trouble('netns', what),
    });
    this.#probes = new TargetProbes((target) => this.openSocket(target), this.clock);
    this.pool = new UpstreamPool(this.clock, (options, target) => this.openSocket(target, options));
    const { deadlines } = this.pool;
    this.sessions = new BackendSessions(
      (target) => this.openSocket(target),
      this.clock,
      deadlines,
      () => this.timeouts,
    );
    this.#targets = new Targets({
      clock: this.clock,
      onLeaving: (target) => {
        this.pool.drop(target);
        this.sessions.drop(target);
      },
      onGone: (target) => this.#sockets.end(target),
    });
    this.#routes = new LiveRoutes(this.#targets);
    this.#fronts = new Fronts(this, (cause, what) => this.#trouble(cause, what));
    this.#timer = setInterval(() => this.#sweep(this.clock()), SWEEP);
  }

  get timeouts(): FrontTimeouts {
    return this.#settings?.timeouts ?? NO_TIMEOUTS;
  }

  get knownHosts(): readonly string[] | undefined {
    return this.#settings?.debug === true ? this.#routes.hosts : undefined;
  }

  /** Follows an order. */
  async follow(order: MeshOrder): Promise<void> {
    // Orders of one turn come in one turn here: the table is built once for all of them.
    if (order.kind !== 'routes' && order.kind !== 'backends' && order.kind !== 'forget-backends') this.#build();
    switch (order.kind) {
      case 'settings':
        return this.#set(order.settings);
      case 'routes':
        this.#routes.set(order.service, order.routes);
        this.#buildSoon();
        return;
      case 'backends':
        this.#targets.set(order.backends);
        return;
      case 'forget-backends':
        this.#targets.forget(order.service, order.network);
        return;
      case 'mark':
        this.#post({ kind: 'done', id: order.id });
        return;
      case 'report':
        this.#post({ kind: 'report', report: this.#report() });
        return;
      case 'close':
        await this.#close(order.patience);
    }
  }

  soleRoute(host: string): LiveRoute | undefined {
    return this.#routes.soleRoute(host);
  }

  findRoute(host: string, path: string): LiveRoute | undefined {
    return this.#routes.find(host, path);
  }

  findSni(name: string): LiveRoute | undefined {
    return this.#routes.findSni(name);
  }

  addedFor(client: Client, host: string, received?: Received): AddedFields {
    return this.#added.addedFor(client, host, received);
  }

  beginningFor(client: Client): Uint8Array | undefined {
    return beginningFor(this.#settings?.sendProxy ?? ProxyVersion.None, client);
  }

  openSocket(target: Target, options?: Partial<TcpNetConnectOpts>): Socket {
    return this.#sockets.open(target, options);
  }

  beginHttp2(socket: Socket, bytes: Buffer, client: Client): void {
    this.#fronts.beginHttp2(socket, bytes, client);
  }

  finished(exchange: Exchange): void {
    const now = this.clock();
    if (exchange.route === undefined) this.#unrouted++;
    else exchange.route.counters.add(exchange, now);
    if (!this.#log.isOn) return;
    this.#log.add(logLine(exchange, Date.now(), now - exchange.began, this.#settings?.node ?? ''));
  }

  async #set(settings: MeshPlanSettings): Promise<void> {
    this.#settings = settings;
    // A pseudonym is a token (RFC 9110 section 7.6.3).
    this.pseudonym = `${PSEUDONYM}-${settings.node.replace(/[^\w.-]/g, '_')}`;
    this.#added = new AddedFieldsMaker(settings.forwarded, this.pseudonym);
    this.#sockets.use(settings.netns);
    this.#log.use(settings.log);
    await this.#fronts.arrange(settings);
  }

  #buildSoon(): void {
    if (this.#isStale) return;
    this.#isStale = true;
    setImmediate(() => this.#build());
  }

  #build(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    this.#routes.build();
    const conflicts = this.#routes.troubles.slice(0, MAX_CONFLICTS).map(({ source, why }) => `${source}: ${why}`);
    for (const conflict of conflicts) {
      if (!this.#conflicts.has(conflict)) this.#post({ kind: 'trouble', cause: 'routes', what: conflict });
    }
    this.#conflicts = new Set(conflicts);
  }

  #trouble(cause: string, what: string | undefined): void {
    if (this.#told.get(cause) === what) return;
    if (what === undefined) this.#told.delete(cause);
    else this.#told.set(cause, what);
    this.#post({ kind: 'trouble', cause, what });
  }

  #sweep(now: number): void {
    this.#sockets.sweep(now);
    this.#probes.sweep(now);
    this.#targets.sweep(now);
    this.#log.flush();
  }

  #report(): MeshReport {
    const now = this.clock();
    const routes = [];
    for (const { route, counters, backends } of this.#routes.values()) {
      if (routes.length === MAX_REPORTED) break;
      const { host, path, service, source, kind } = route;
      const { responses, failures, retries, bytesIn, bytesOut, seconds } = counters;
      routes.push({
        kind,
        host,
        path,
        service,
        source,
        isRedirect: route.redirect !== undefined,
        responses,
        failures,
        retries,
        bytesIn,
        bytesOut,
        seconds,
        active: backends.targets.reduce((sum, { active }) => sum + active, 0),
        backends: reportsOf(backends.targets, now),
      });
    }
    return {
      routes,
      total: this.#routes.size,
      leaving: reportsOf(this.#targets.leaving, now),
      listeners: this.#fronts.listeners,
      connections: this.#fronts.connections,
      refused: this.#fronts.refused,
      unrouted: this.#unrouted,
      logged: this.#log.logged,
      droppedLines: this.#log.dropped,
    };
  }

  /** Waits until no request is under way, or so many milliseconds, and ends everything. */
  async #close(patience: number): Promise<void> {
    await this.#fronts.drain(patience);
    this.pool.close();
    this.sessions.close();
    this.#sockets.close();
    clearInterval(this.#timer);
    await this.#log.close();
  }
}

function reportsOf(targets: readonly Target[], now: number): BackendReport[] {
  return targets.slice(0, MAX_REPORTED).map(({ name, host, port, active, downUntil }) => ({
    name,
    address: `${host}:${port}`,
    active,
    isDown: downUntil > now,
  }));
}
