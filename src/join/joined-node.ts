/** A node of a Docker swarm that is no Docker engine. */
import { randomInt } from 'node:crypto';
import { hostname as systemHostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AttachedNetwork, type AttachmentRequest } from './attachment/attached-network.js';
import type { NodeBalancer } from './attachment/node-balancers.js';
import { JoinError } from './error.js';
import { type JoinEvent, JoinState } from './events.js';
import { ManagerConnection, ManagerName } from './grpc/manager-connection.js';
import { checkClock, enrolAtOne } from './identity/enrolment.js';
import { IdentityStore } from './identity/identity-store.js';
import type { NodeIdentity } from './identity/node-identity.js';
import type { CloseOptions, JoinedNodeOptions } from './joined-node-options.js';
import { Backoff, managerAddress, ManagerList } from './managers.js';
import { type Member, newMember } from './member.js';
import { Availability, type SessionMessage } from './messages.js';
import { AssignmentSet } from './session/assignment-set.js';
import type { SwarmKeys } from './session/cluster-keys.js';
import { LostSessions } from './session/lost-sessions.js';
import { ManagerSession } from './session/manager-session.js';
import { nodeDescription } from './session/node-description.js';
import { NO_PLATFORM, type NodeProfile } from './session/node-profile.js';
import { TaskRejection } from './session/task-rejection.js';
import { DEFAULT_TIMES, type JoinTimes } from './times.js';
import { JoinToken } from './token.js';

const RANDOM_STEPS = 2 ** 32;
const MAX_ATTACHMENTS = 1_000;
const AVAILABILITY = { active: Availability.Active, pause: Availability.Pause, drain: Availability.Drain } as const;

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
  #store: IdentityStore | undefined;
  /** What belongs to an identity. */
  #member: Member | undefined;
  #session: ManagerSession | undefined;
  #running: Promise<void> | undefined;
  #stateText = '';
  /** Whether the session is to be opened again, with a new certificate or root CA. */
  #reopen = false;
  readonly #lost = new LostSessions();
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
  }

  /** The node's id; undefined before it has joined. */
  get nodeId(): string | undefined {
    return this.#member?.certificates.identity.nodeId;
  }

  /** Id of the swarm; undefined before the node has joined. */
  get clusterId(): string | undefined {
    return this.#member?.certificates.identity.clusterId;
  }

  /** The current attachments. */
  get attachments(): readonly AttachedNetwork[] {
    return this.#member?.attachments.attachments ?? [];
  }

  /** The addresses of this node's load balancers, as the swarm last listed them, by network id. */
  get balancers(): readonly NodeBalancer[] {
    return this.#member?.view.balancers ?? [];
  }

  /** The managers that the swarm last named. */
  get managers(): readonly string[] {
    return this.#member?.managers.known ?? [];
  }

  /** The local address of the connection to the manager; undefined while there is none. */
  get localAddress(): string | undefined {
    return this.#session?.connection.localAddress;
  }

  /** Milliseconds since the manager last answered a heartbeat; undefined if none of this session has been answered. */
  get heartbeatAge(): number | undefined {
    return this.#session?.heartbeatAge;
  }

  /** Copies of the swarm's keys, to be wiped after use. */
  keys(): SwarmKeys {
    return this.#member?.view.keys() ?? { gossip: undefined, ipsec: undefined };
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
    const store = new IdentityStore(this.#options.stateDirectory);
    this.#store = store;
    let member: Member;
    try {
      const stored = store.load();
      const managers = this.#given.length > 0 ? this.#given : (stored?.managers ?? []);
      if (managers.length === 0) throw new JoinError('BAD_OPTION', 'name at least one manager, as HOST or HOST:PORT');
      const list = new ManagerList([...new Set([...managers, ...(stored?.managers ?? [])])], this.#random);
      const identity = stored?.identity ?? (await this.#enrol());
      if (stored === undefined) store.save({ identity, managers: this.#given });
      member = this.#newMember(identity, list);
    } catch (error) {
      store.close();
      throw error;
    }
    this.#member = member;
    const started = new Promise<JoinError | undefined>((resolve) => (this.#started = resolve));
    this.#running = this.#run(member);
    const error = await started;
    if (error !== undefined) throw error;
  }

  /** Attaches to a further network; events tell what becomes of it. */
  attach(request: AttachmentRequest): void {
    this.#member?.attachments.add(request);
  }

  /**
   * Detaches from a network.
   * @throws JoinError if the swarm couldn't be notified: it then keeps the address until this node is removed
   */
  async detach(request: AttachmentRequest): Promise<void> {
    await this.#member?.attachments.remove(request);
  }

  /**
   * Leaves the session and unlocks the state directory. The swarm shows the node as Down about 15 s later, until an
   * administrator removes it: a worker can't.
   * @returns number of attachments that the swarm couldn't be asked to release
   */
  async close({ detach = true }: CloseOptions = {}): Promise<number> {
    const member = this.#member;
    let left = this.attachments.length;
    if (detach && this.#session !== undefined) left = (await member?.attachments.close()) ?? 0;
    this.#abort.abort();
    member?.certificates.stop();
    this.#session?.end();
    await this.#running;
    member?.attachments.use(undefined);
    if (!detach || left > 0) await member?.attachments.close();
    member?.view.wipe();
    this.#store?.close();
    return left;
  }

  async #enrol(): Promise<NodeIdentity> {
    const token = this.#token;
    if (token === undefined) {
      throw new JoinError('NO_IDENTITY', 'no identity is stored, and there is no token');
    }
    const availability = AVAILABILITY[this.#options.availability ?? 'active'];
    return enrolAtOne(this.#given, token, availability, this.#times, this.#abort.signal, (address) =>
      this.#state(JoinState.Connecting, address),
    );
  }

  #newMember(identity: NodeIdentity, managers: ManagerList): Member {
    const member = newMember({
      identity,
      managers,
      stateDirectory: this.#options.stateDirectory,
      times: this.#times,
      random: this.#random,
      signal: this.#abort.signal,
      emit: this.#emit,
      warning: (error) => this.#warn(error),
      save: (next) => {
        this.#save(next, managers);
        this.#warned = undefined;
      },
      reopen: () => {
        this.#reopen = true;
        this.#session?.yield();
      },
    });
    for (const request of this.#options.attachments ?? []) member.attachments.add(request);
    return member;
  }

  /** Sessions, one after the other, until the node is closed or an error is final. */
  async #run(member: Member): Promise<void> {
    const { managers, attachments, certificates } = member;
    let address: string | undefined;
    while (!this.#isClosed()) {
      address ??= managers.choose();
      const former = this.#session;
      let error: JoinError | undefined;
      try {
        const session = await this.#open(member, address, former);
        this.#session = session;
        former?.end();
        // Closing ends the session that it finds: this one came later.
        if (this.#isClosed()) break;
        const registeredAt = performance.now();
        this.#registered(member, session);
        error = await session.ended;
        // Not as soon as it is registered: a manager may end each session at once.
        if (performance.now() - registeredAt > this.#times.backoffMs) this.#backoff.reset();
      } catch (failure) {
        if (!(failure instanceof JoinError)) throw failure;
        error = failure;
        former?.end();
      }
      attachments.use(undefined);
      certificates.use(undefined);
      if (error === undefined && this.#reopen) continue;
      this.#session?.end();
      this.#session = undefined;
      if (this.#isClosed()) break;
      const final = error === undefined ? undefined : this.#lost.lost(error, address, managers.all);
      if (final !== undefined) {
        this.#end(member, final);
        return;
      }
      managers.failed(address);
      this.#state(JoinState.Connecting, address, error);
      address = undefined;
      await sleep(this.#backoff.next(), undefined, { signal: this.#abort.signal }).catch(() => undefined);
    }
    this.#session?.end();
    this.#end(member, new JoinError('CLOSED', 'the node was closed'));
  }

  async #open(member: Member, address: string, former: ManagerSession | undefined): Promise<ManagerSession> {
    const { identity } = member.certificates;
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
      message: (message: SessionMessage) => this.#message(member, message, address),
      assignmentsBegin: () => this.#assignments.restart(),
      assignments: (message: Parameters<AssignmentSet['apply']>[0]) => {
        if (!this.#assignments.apply(message)) return false;
        this.#assigned(member);
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

  #registered({ managers, attachments, certificates }: Member, session: ManagerSession): void {
    this.#lost.registered();
    managers.works();
    this.#rejection.restart();
    attachments.use(session);
    session.start();
    this.#state(JoinState.Connected, session.connection.address);
    this.#started?.(undefined);
    if (this.#reopen) session.yield();
    else certificates.use(session);
  }

  #isClosed(): boolean {
    return this.#abort.signal.aborted;
  }

  #end({ certificates }: Member, error: JoinError): void {
    certificates.stop();
    if (error.code !== 'CLOSED') {
      this.#state(JoinState.Ended, undefined, error);
      this.#abort.abort();
    }
    this.#started?.(error);
  }

  /** Takes over a message of the session. */
  #message({ view, managers, attachments, certificates }: Member, message: SessionMessage, address: string): void {
    const { identity } = certificates;
    view.message(message, identity, address, () => this.#save(identity, managers));
    attachments.nodeState({
      availability: message.node?.spec?.availability ?? Availability.Active,
      attachments: message.node?.attachments ?? [],
    });
    certificates.message(message, address);
  }

  #assigned({ attachments }: Member): void {
    const { tasks } = this.#assignments;
    attachments.update(tasks);
    if (this.#session !== undefined) this.#rejection.reject(tasks.values(), this.#session);
  }

  #save(identity: NodeIdentity, { known }: ManagerList): void {
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
