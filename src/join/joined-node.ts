/** A node of a Docker swarm that is no Docker engine. */
import { randomInt } from 'node:crypto';
import { hostname as systemHostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AttachedNetwork, type AttachmentRequest } from './attachment/attached-network.js';
import { AttachmentKeeper } from './attachment/attachment-keeper.js';
import { type NodeBalancer, NodeBalancers } from './attachment/node-balancers.js';
import { JoinError } from './error.js';
import { type JoinEvent, JoinState } from './events.js';
import { ManagerConnection, ManagerName } from './grpc/manager-connection.js';
import { checkClock, enrol, requestCertificate } from './identity/enrolment.js';
import { IdentityStore } from './identity/identity-store.js';
import { type NodeIdentity, promoted } from './identity/node-identity.js';
import { RenewalTimer } from './identity/renewal-timer.js';
import { Backoff, managerAddress, ManagerList } from './managers.js';
import { Availability, IssuanceState, NodeRole, type SessionMessage } from './messages.js';
import { AssignmentSet } from './session/assignment-set.js';
import { copySwarmKeys, readSwarmKeys, sameSwarmKeys, type SwarmKeys, wipeSwarmKeys } from './session/cluster-keys.js';
import { ManagerSession } from './session/manager-session.js';
import { nodeDescription } from './session/node-description.js';
import { NO_PLATFORM, type NodeProfile } from './session/node-profile.js';
import { TaskRejection } from './session/task-rejection.js';
import { DEFAULT_TIMES, type JoinTimes } from './times.js';
import { JoinToken } from './token.js';

/** How to join. */
export interface JoinedNodeOptions {
  /**
   * Managers, as `HOST` or `HOST:PORT`. Those that the swarm names are used first.
   * @default those of the stored identity
   */
  readonly managers?: readonly string[];
  /** A worker's join token; only needed if there is no stored identity. */
  readonly token?: JoinToken | string;
  /** A directory for the identity, which is created if absent. Each process needs its own. */
  readonly stateDirectory: string;
  /**
   * The node's availability when it first joins. A drained or paused node gets no attachments.
   * @default 'active'
   */
  readonly availability?: 'active' | 'pause' | 'drain';
  /**
   * The node's name in `docker node ls`.
   * @default the system's host name
   */
  readonly hostname?: string;
  /**
   * The node's platform.
   * @default one that no image has, so that services aren't placed here
   */
  readonly platform?: NodeProfile['platform'];
  /** Networks to attach to. */
  readonly attachments?: readonly AttachmentRequest[];
  /** Called for each event, in order. It must not throw. */
  readonly onEvent?: (event: JoinEvent) => void;
  /** Timeouts that differ from the defaults. */
  readonly times?: Partial<JoinTimes>;
  /**
   * A number in [0, 1), for jitter.
   * @default cryptographic random numbers
   */
  readonly random?: () => number;
}

/** Options of closing a node. */
export interface CloseOptions {
  /**
   * Whether to give the attachments and their addresses back. Otherwise the next process with this identity gets them.
   * @default true
   */
  readonly detach?: boolean;
}

/** Errors that don't pass by themselves. */
const FINAL: ReadonlySet<string> = new Set(['REMOVED_FROM_SWARM', 'CERTIFICATE_EXPIRED', 'STATE_UNUSABLE', 'CLOSED']);
/** Sessions lost to another process with this identity, in a row, after which this one gives way. */
const MAX_TAKEN = 3;
/** A session that lasted longer resets the count. */
const TAKEN_WITHIN_MS = 60_000;
const AVAILABILITIES = ['active', 'pause', 'drain'] as const;
const DEFAULT_VXLAN_PORT = 4789;
const RANDOM_STEPS = 2 ** 32;
const MAX_ATTACHMENTS = 1_000;

/**
 * Joins a swarm as a worker, and stays in it: registers with a manager, sends heartbeats, receives the swarm's keys and
 * their rotations, keeps its networks attached, renews its certificate and follows rotations of the root CA. If the
 * manager is lost, it continues with another.
 * @example
 * import { JoinedNode } from 'vtep/join';
 *
 * const node = new JoinedNode({
 *   managers: ['192.168.50.1'],
 *   token: 'SWMTKN-1-...',
 *   stateDirectory: '/var/lib/vtep/swarm',
 *   attachments: [{ network: 'web' }],
 *   onEvent: (event) => {
 *     if (event.kind === 'attached') console.log(event.attachment.networkName, event.attachment.address);
 *   },
 * });
 * await node.start();
 * process.once('SIGTERM', () => void node.close());
 */
export class JoinedNode {
  readonly #options: JoinedNodeOptions;
  readonly #token: JoinToken | undefined;
  readonly #given: readonly string[];
  readonly #times: JoinTimes;
  readonly #random: () => number;
  readonly #emit: (event: JoinEvent) => void;
  readonly #profile: NodeProfile;
  readonly #abort = new AbortController();
  readonly #backoff: Backoff;
  readonly #assignments = new AssignmentSet();
  readonly #rejection: TaskRejection;
  readonly #renewal: RenewalTimer;
  readonly #balancers = new NodeBalancers((error) => this.#emit({ kind: 'warning', error }));
  #store: IdentityStore | undefined;
  #identity: NodeIdentity | undefined;
  #managers: ManagerList | undefined;
  #keeper: AttachmentKeeper | undefined;
  #session: ManagerSession | undefined;
  #running: Promise<void> | undefined;
  #keys: SwarmKeys = { gossip: undefined, ipsec: undefined };
  #nodeText = '';
  #stateText = '';
  #renewing = false;
  /** Whether the session is to be opened again, with a new certificate or root CA. */
  #reopen = false;
  /** Whether the swarm asks for a renewal, for a new root CA. */
  #rotate = false;
  #promoted = false;
  /** Times in milliseconds since 1970. */
  #renewedAt = 0;
  #registeredAt = 0;
  #taken = 0;
  #warned: string | undefined;
  /** Settles `start`. */
  #started: ((error: JoinError | undefined) => void) | undefined;

  /** @throws JoinError `BAD_OPTION`, `BAD_TOKEN`, `FIPS_SWARM` */
  constructor(options: JoinedNodeOptions) {
    const { managers = [], token, random, onEvent, attachments = [] } = options;
    this.#options = options;
    this.#given = managers.map(managerAddress);
    this.#token = typeof token === 'string' ? new JoinToken(token) : token;
    this.#times = { ...DEFAULT_TIMES, ...options.times };
    this.#random = random ?? ((): number => randomInt(RANDOM_STEPS) / RANDOM_STEPS);
    this.#emit = onEvent ?? ((): void => undefined);
    this.#profile = {
      hostname: options.hostname ?? systemHostname(),
      platform: options.platform ?? NO_PLATFORM,
    };
    if (attachments.length > MAX_ATTACHMENTS) {
      throw new JoinError('BAD_OPTION', `a node has at most ${MAX_ATTACHMENTS} attachments`);
    }
    this.#backoff = new Backoff(this.#times.backoffMs, this.#random);
    this.#rejection = new TaskRejection((serviceId, service) =>
      this.#emit({ kind: 'task-rejected', serviceId, service }),
    );
    this.#renewal = new RenewalTimer(() => void this.#renew(), this.#random);
  }

  /** The node's id; undefined before it has joined. */
  get nodeId(): string | undefined {
    return this.#identity?.nodeId;
  }

  /** Id of the swarm; undefined before the node has joined. */
  get clusterId(): string | undefined {
    return this.#identity?.clusterId;
  }

  /** The current attachments. */
  get attachments(): readonly AttachedNetwork[] {
    return this.#keeper?.attachments ?? [];
  }

  /** The addresses of this node's load balancers, as the swarm last listed them, by network id. */
  get balancers(): readonly NodeBalancer[] {
    return this.#balancers.current;
  }

  /** The managers that the swarm last named. */
  get managers(): readonly string[] {
    return this.#managers?.known ?? [];
  }

  /** The local address of the connection to the manager; undefined while there is none. */
  get localAddress(): string | undefined {
    return this.#session?.connection.localAddress;
  }

  /** When the manager last answered a heartbeat, in milliseconds since 1970; undefined if none of this session has. */
  get heartbeatAt(): number | undefined {
    return this.#session?.heartbeatAt;
  }

  /** Copies of the swarm's keys, to be wiped after use. */
  keys(): SwarmKeys {
    return copySwarmKeys(this.#keys);
  }

  /**
   * Joins, or comes back with the stored identity, and resolves once a manager has registered the node. With a stored
   * identity it waits as long as no manager can be reached; a first join fails once all given managers have.
   * @throws JoinError
   */
  async start(): Promise<void> {
    if (this.#running !== undefined || this.#store !== undefined) {
      throw new JoinError('BAD_OPTION', 'the node was started before');
    }
    this.#store = new IdentityStore(this.#options.stateDirectory);
    try {
      const stored = this.#store.load();
      const managers = this.#given.length > 0 ? this.#given : (stored?.managers ?? []);
      if (managers.length === 0) throw new JoinError('BAD_OPTION', 'name at least one manager, as HOST or HOST:PORT');
      this.#managers = new ManagerList([...new Set([...managers, ...(stored?.managers ?? [])])], this.#random);
      const identity = stored?.identity ?? (await this.#enrol());
      if (stored === undefined) this.#save(identity);
      this.#adopt(identity);
      this.#keeper = this.#newKeeper(identity.nodeId);
    } catch (error) {
      this.#store.close();
      throw error;
    }
    const started = new Promise<JoinError | undefined>((resolve) => (this.#started = resolve));
    this.#running = this.#run();
    const error = await started;
    if (error !== undefined) throw error;
  }

  /** Attaches to a further network; events tell what becomes of it. */
  attach(request: AttachmentRequest): void {
    this.#keeper?.add(request);
  }

  /**
   * Detaches from a network.
   * @throws JoinError if the swarm couldn't be notified: it then keeps the address until this node is removed
   */
  async detach(request: AttachmentRequest): Promise<void> {
    await this.#keeper?.remove(request);
  }

  /**
   * Leaves the session and unlocks the state directory. The swarm shows the node as Down about 15 s later, until an
   * administrator removes it: a worker can't.
   * @returns number of attachments that the swarm couldn't be asked to release
   */
  async close({ detach = true }: CloseOptions = {}): Promise<number> {
    const held = this.attachments.length;
    let left = held;
    if (detach && this.#session !== undefined) left = (await this.#keeper?.close()) ?? 0;
    this.#abort.abort();
    this.#renewal.stop();
    this.#session?.end();
    await this.#running;
    this.#keeper?.use(undefined);
    if (!detach || left > 0) await this.#keeper?.close();
    wipeSwarmKeys(this.#keys);
    this.#store?.close();
    return left;
  }

  /** Tries each given manager once. */
  async #enrol(): Promise<NodeIdentity> {
    const token = this.#token;
    if (token === undefined) {
      throw new JoinError(
        'NO_IDENTITY',
        'no identity is stored: give a token, as docker swarm join-token worker shows it',
      );
    }
    const availability = Availability[capitalised(this.#options.availability ?? 'active')];
    const failures: JoinError[] = [];
    for (const address of this.#given) {
      this.#state(JoinState.Connecting, address);
      try {
        return await enrol(address, token, availability, this.#times, this.#abort.signal);
      } catch (error) {
        if (!(error instanceof JoinError)) throw error;
        // Others would answer the same.
        if (['TOKEN_REJECTED', 'MANAGER_TOKEN', 'CLOSED', 'CLOCK_SKEW'].includes(error.code)) throw error;
        failures.push(error);
      }
    }
    if (failures.length === 0) throw new JoinError('BAD_OPTION', 'name at least one manager, as HOST or HOST:PORT');
    const [first] = failures;
    throw failures.length === 1 ? first : new JoinError(first.code, failures.map(({ message }) => message).join('; '));
  }

  #newKeeper(nodeId: string): AttachmentKeeper {
    const keeper = new AttachmentKeeper(nodeId, this.#times, {
      attached: (attachment) => this.#emit({ kind: 'attached', attachment }),
      detached: (attachment) => this.#emit({ kind: 'detached', attachment }),
      failed: (request, error) => this.#emit({ kind: 'attach-failed', request, error }),
    });
    for (const request of this.#options.attachments ?? []) keeper.add(request);
    return keeper;
  }

  /** Sessions, one after the other, until the node is closed or an error is final. */
  async #run(): Promise<void> {
    let address: string | undefined;
    while (!this.#isClosed()) {
      address ??= this.#managers?.choose() ?? '';
      const former = this.#session;
      let error: JoinError | undefined;
      try {
        const session = await this.#open(address, former);
        this.#session = session;
        former?.end();
        // Closing ends the session that it finds: this one came later.
        if (this.#isClosed()) break;
        this.#registered(session);
        error = await session.ended;
        // Not as soon as it is registered: a manager may end each session at once.
        if (Date.now() - this.#registeredAt > this.#times.backoffMs) this.#backoff.reset();
      } catch (failure) {
        if (!(failure instanceof JoinError)) throw failure;
        error = failure;
        former?.end();
      }
      this.#keeper?.use(undefined);
      if (error === undefined && this.#reopen) continue;
      this.#session?.end();
      this.#session = undefined;
      if (this.#isClosed()) break;
      if (error !== undefined && this.#isFinal(error)) {
        this.#end(error);
        return;
      }
      this.#managers?.failed(address);
      this.#state(JoinState.Connecting, address, error);
      address = undefined;
      await sleep(this.#backoff.next(), undefined, { signal: this.#abort.signal }).catch(() => undefined);
    }
    this.#session?.end();
    this.#end(new JoinError('CLOSED', 'the node was closed'));
  }

  async #open(address: string, former: ManagerSession | undefined): Promise<ManagerSession> {
    const identity = this.#identity;
    if (identity === undefined) throw new JoinError('NO_IDENTITY', 'the node has no identity');
    checkClock(identity);
    if (former === undefined && !this.#stateText.startsWith(JoinState.Connecting)) {
      this.#state(JoinState.Connecting, address);
    }
    const { rootPem, chainPem } = identity;
    const connection = await identity.useKey((keyPem) =>
      ManagerConnection.open(address, {
        serverName: ManagerName.Manager,
        rootPem,
        certificate: { chainPem, keyPem },
        timeoutMs: this.#times.connectMs,
        signal: this.#abort.signal,
      }),
    );
    this.#reopen = false;
    const listener = {
      message: (message: SessionMessage) => this.#message(message, connection),
      assignmentsBegin: () => this.#assignments.restart(),
      assignments: (message: Parameters<AssignmentSet['apply']>[0]) => {
        if (!this.#assignments.apply(message)) return false;
        this.#assigned();
        return true;
      },
    };
    try {
      return await ManagerSession.open(
        connection,
        nodeDescription(this.#profile, identity),
        former,
        listener,
        this.#times,
      );
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  #registered(session: ManagerSession): void {
    this.#managers?.works();
    this.#rejection.restart();
    this.#keeper?.use(session);
    session.start();
    this.#registeredAt = Date.now();
    this.#state(JoinState.Connected, session.connection.address);
    this.#started?.(undefined);
    if (this.#reopen) session.yield();
    else if (this.#rotate) this.#renewSoon();
  }

  #isClosed(): boolean {
    return this.#abort.signal.aborted;
  }

  #isFinal(error: JoinError): boolean {
    if (error.code !== 'IDENTITY_IN_USE') return FINAL.has(error.code);
    if (Date.now() - this.#registeredAt > TAKEN_WITHIN_MS) this.#taken = 0;
    return ++this.#taken >= MAX_TAKEN;
  }

  #end(error: JoinError): void {
    this.#renewal.stop();
    if (error.code !== 'CLOSED') {
      this.#state(JoinState.Ended, undefined, error);
      this.#abort.abort();
    }
    this.#started?.(error);
  }

  /** Takes over a message of the session. */
  #message(message: SessionMessage, connection: ManagerConnection): void {
    const { node, managers, keys, rootCa } = message;
    const identity = this.#identity;
    if (node === undefined || identity === undefined) return;
    if (node.id !== identity.nodeId) {
      throw new JoinError('BAD_ANSWER', `${connection.address}: the manager registered another node`);
    }
    const newKeys = readSwarmKeys(keys);
    if (sameSwarmKeys(newKeys, this.#keys)) {
      wipeSwarmKeys(newKeys);
    } else {
      wipeSwarmKeys(this.#keys);
      this.#keys = newKeys;
      this.#emit({ kind: 'keys', keys: copySwarmKeys(newKeys) });
    }
    if (this.#managers?.update(managers.map(({ peer }) => peer?.addr ?? '')) === true) {
      this.#save(identity);
      this.#emit({ kind: 'managers', managers: this.#managers.known });
    }
    const availability = node.spec?.availability ?? Availability.Active;
    if (this.#balancers.update(node.attachments)) {
      this.#emit({ kind: 'balancers', balancers: this.#balancers.current });
    }
    this.#keeper?.nodeState({ availability, attachments: node.attachments });
    const shown = {
      nodeId: identity.nodeId,
      clusterId: identity.clusterId,
      address: node.status?.addr ?? '',
      vxlanPort: node.vxlanUdpPort || DEFAULT_VXLAN_PORT,
      availability: AVAILABILITIES[availability] ?? 'active',
      certificateExpires: identity.notAfter,
    };
    const text = JSON.stringify(shown);
    if (text !== this.#nodeText) this.#emit({ kind: 'node', node: shown });
    this.#nodeText = text;
    this.#promoted = node.spec?.desiredRole === NodeRole.Manager;
    if (this.#promoted) this.#warn(promoted());
    this.#rotate = node.certificate?.status?.state === IssuanceState.Rotate;
    if (!this.#rotate) this.#followRoot(identity, rootCa, connection);
    else if (this.#session?.connection === connection) this.#renewSoon();
  }

  /** Renews at once, but not again and again for a swarm that keeps asking. */
  #renewSoon(): void {
    const recently = Date.now() - this.#renewedAt < this.#times.renewRetryMs;
    this.#renewal.retryIn(recently ? this.#times.renewRetryMs : 0);
  }

  /** Trusts a new root CA once this node's certificate is issued by it. */
  #followRoot(identity: NodeIdentity, rootCa: Uint8Array, { address }: ManagerConnection): void {
    const rootPem = Buffer.from(rootCa).toString('latin1');
    if (rootPem === '' || rootPem === identity.rootPem || this.#renewing) return;
    let next: NodeIdentity;
    try {
      next = identity.withRoot(rootPem);
    } catch (error) {
      this.#warn(new JoinError('BAD_ANSWER', `${address}: the new root CA is ignored: ${(error as Error).message}`));
      return;
    }
    this.#save(next);
    this.#identity = next;
    this.#emit({ kind: 'certificate', renewed: 'root', expires: next.notAfter });
    this.#openAgain();
  }

  #assigned(): void {
    const { tasks } = this.#assignments;
    this.#keeper?.update(tasks);
    if (this.#session !== undefined) this.#rejection.reject(tasks.values(), this.#session);
  }

  /** Renews the certificate over the session's connection. */
  async #renew(): Promise<void> {
    const [identity, session] = [this.#identity, this.#session];
    if (this.#renewing || this.#abort.signal.aborted || identity === undefined) return;
    if (session === undefined || this.#promoted) {
      this.#renewal.retryIn(this.#times.renewRetryMs);
      return;
    }
    this.#renewing = true;
    try {
      const { rootPem } = this.#identity ?? identity;
      const signal = this.#abort.signal;
      const renewed = await requestCertificate(session.connection, { rootPem, times: this.#times, signal });
      if (renewed.nodeId !== identity.nodeId || renewed.clusterId !== identity.clusterId) {
        throw new JoinError('BAD_ANSWER', 'the renewed certificate is of another node or swarm');
      }
      checkClock(renewed);
      this.#save(renewed);
      this.#adopt(renewed);
      this.#renewedAt = Date.now();
      this.#rotate = false;
      this.#warned = undefined;
      this.#emit({ kind: 'certificate', renewed: 'certificate', expires: renewed.notAfter });
      this.#renewing = false;
      this.#openAgain();
    } catch (error) {
      if (!(error instanceof JoinError)) throw error;
      if (error.code !== 'CLOSED') this.#warn(error);
      this.#renewal.retryIn(this.#times.renewRetryMs);
    } finally {
      this.#renewing = false;
    }
  }

  /** Opens the session again with the current certificate and root CA, which are then reported to the swarm. */
  #openAgain(): void {
    this.#reopen = true;
    this.#session?.yield();
  }

  #adopt(identity: NodeIdentity): void {
    this.#identity = identity;
    this.#renewal.schedule(identity);
  }

  #save(identity: NodeIdentity): void {
    const known = this.#managers?.known ?? [];
    this.#store?.save({ identity, managers: known.length > 0 ? known : this.#given });
  }

  #warn(error: JoinError): void {
    const text = error.code + error.message;
    if (text !== this.#warned) this.#emit({ kind: 'warning', error });
    this.#warned = text;
  }

  #state(state: JoinState, manager?: string, error?: JoinError): void {
    const text = `${state} ${manager ?? ''} ${error?.code ?? ''}`;
    if (text === this.#stateText) return;
    this.#stateText = text;
    this.#emit({
      kind: 'state',
      state,
      ...(manager === undefined ? {} : { manager }),
      ...(error === undefined ? {} : { error }),
    });
  }
}

function capitalised(text: 'active' | 'pause' | 'drain'): keyof typeof Availability {
  return ({ active: 'Active', pause: 'Pause', drain: 'Drain' } as const)[text];
}
