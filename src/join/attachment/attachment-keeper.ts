/**
 * Keeps this node attached to the networks it wants: requests attachments, recognises those of an earlier run, reports
 * them as running, and requests again what was lost.
 */
import { JoinError } from '../error.js';
import { GrpcError, GrpcStatus } from '../grpc/status.js';
import { Availability, type NetworkAttachment, type Task, TaskState } from '../messages.js';
import { attachNetwork, detachNetwork } from '../methods.js';
import type { ManagerSession } from '../session/manager-session.js';
import type { JoinTimes } from '../times.js';
import { type AttachedNetwork, type AttachmentRequest, readAttachment } from './attached-network.js';
import { requestError, whyUnassigned } from './attachment-failure.js';
import type { RequestedTasks } from './requested-tasks.js';
import { containerIdOf, keyOf, type WantedNetwork, wantedNetwork } from './wanted-network.js';

/** What a keeper reports. */
export interface AttachmentListener {
  attached(attachment: AttachedNetwork): void;
  detached(attachment: AttachedNetwork): void;
  failed(request: AttachmentRequest, error: JoinError): void;
}

/** What the swarm last said about this node. */
export interface NodeState {
  readonly availability: number;
  readonly attachments: readonly NetworkAttachment[];
}

/** Number of tasks given up that are remembered, of which the swarm may still tell. */
const MAX_LEFT = 10_000;

/** Keeps attachments. */
export class AttachmentKeeper {
  readonly #nodeId: string;
  readonly #times: JoinTimes;
  readonly #requested: RequestedTasks;
  readonly #listener: AttachmentListener;
  readonly #wanted = new Map<string, WantedNetwork>();
  /** Tasks reported as running in this session. */
  readonly #reported = new Set<string>();
  /** Tasks given up, which the swarm may still list; those that this session was asked to detach. */
  readonly #given = new Set<string>();
  readonly #left = new Set<string>();
  /** Requests on their way. */
  readonly #calls = new Set<Promise<void>>();
  #session: ManagerSession | undefined;
  #tasks: ReadonlyMap<string, Task> = new Map();
  /** Whether the tasks are those of the session. */
  #current = false;
  #node: NodeState = { availability: Availability.Active, attachments: [] };
  #closed = false;

  /**
   * @param nodeId of this node
   * @param requested what earlier runs requested
   */
  constructor(nodeId: string, times: JoinTimes, requested: RequestedTasks, listener: AttachmentListener) {
    this.#nodeId = nodeId;
    this.#times = times;
    this.#requested = requested;
    this.#listener = listener;
  }

  /** The current attachments. */
  get attachments(): AttachedNetwork[] {
    return [...this.#wanted.values()].flatMap(({ attached }) => attached ?? []);
  }

  /** Adds a network. Does nothing if it is wanted already. */
  add(request: AttachmentRequest): void {
    const key = keyOf(request);
    if (this.#closed || this.#wanted.has(key)) return;
    const containerId = containerIdOf(this.#nodeId, request);
    const stored = this.#requested.taskOf(containerId);
    const taskId = stored === undefined || this.#given.has(stored) ? undefined : stored;
    this.#wanted.set(key, wantedNetwork(request, containerId, taskId));
    this.reconcile();
  }

  /**
   * Detaches from a network.
   * @throws JoinError if the swarm couldn't be notified; the attachment is dropped anyway
   */
  async remove(request: AttachmentRequest): Promise<void> {
    const wanted = this.#wanted.get(keyOf(request));
    if (wanted === undefined) return;
    this.#wanted.delete(keyOf(request));
    clearTimeout(wanted.timer);
    if (wanted.attached !== undefined) this.#listener.detached(wanted.attached);
    if (wanted.taskId !== undefined) await this.#leave(wanted.taskId);
  }

  /**
   * Continues with a session; what it assigns comes by `update`.
   * @param session undefined while there is none
   */
  use(session: ManagerSession | undefined): void {
    this.#session = session;
    this.#current = false;
    this.#reported.clear();
    this.#left.clear();
    for (const wanted of this.#wanted.values()) {
      clearTimeout(wanted.timer);
      wanted.timer = undefined;
    }
  }

  /** Takes over what the swarm says about the node. */
  nodeState(node: NodeState): void {
    this.#node = node;
    for (const wanted of this.#wanted.values()) wanted.listedBefore &&= this.#listingOf(wanted) !== undefined;
    this.reconcile();
  }

  /** Takes over the assigned tasks of the session. */
  update(tasks: ReadonlyMap<string, Task>): void {
    this.#tasks = tasks;
    this.#current = true;
    this.reconcile();
  }

  /** Compares what is wanted with what is assigned, and does what is missing. */
  reconcile(): void {
    if (!this.#current || this.#closed) return;
    for (const wanted of this.#wanted.values()) this.#reconcileOne(wanted);
    this.#detachUnwanted();
  }

  /**
   * Detaches from all networks.
   * @returns number of attachments that the swarm still holds for this node
   */
  async close(): Promise<number> {
    this.#closed = true;
    for (const { timer } of this.#wanted.values()) clearTimeout(timer);
    // Those that are answered now are detached, too.
    await Promise.all(this.#calls);
    const all = [...this.#wanted.values()];
    const results = await Promise.allSettled(
      all.flatMap(({ taskId }) => (taskId === undefined ? [] : [this.#leave(taskId, this.#times.closeMs)])),
    );
    for (const { attached } of all) if (attached !== undefined) this.#listener.detached(attached);
    this.#wanted.clear();
    return results.filter(({ status }) => status === 'rejected').length;
  }

  #reconcileOne(wanted: WantedNetwork): void {
    const task = this.#taskOf(wanted);
    if (task !== undefined && task.networks.length > 0) {
      this.#assigned(wanted, task);
      return;
    }
    if (this.#isReserved(wanted)) return;
    if (wanted.attached !== undefined) {
      this.#listener.detached(wanted.attached);
      wanted.attached = undefined;
      wanted.taskId = undefined;
      // The swarm took it away: it isn't asked again at once.
      this.#retry(wanted);
    }
    if (wanted.timer !== undefined || wanted.requesting || this.#mustWait(wanted)) return;
    // An active node would have been assigned what an earlier run requested.
    const isLost = wanted.recalled && task === undefined && this.#node.availability === Availability.Active;
    if (wanted.taskId === undefined || isLost) this.#request(wanted);
    else this.#await(wanted, wanted.taskId);
  }

  /** Waits for the assignment of a requested attachment. */
  #await(wanted: WantedNetwork, taskId: string): void {
    clearTimeout(wanted.timer);
    wanted.timer = setTimeout(() => {
      const error = whyUnassigned({
        request: wanted.request,
        waitedMs: this.#times.attachMs,
        availability: this.#node.availability,
        listed: this.#listingOf(wanted) !== undefined,
        telling: wanted.request.address !== undefined && !wanted.listedBefore && this.#rivals(wanted).length === 0,
      });
      if (error.code !== 'NODE_NOT_ACTIVE') {
        this.#giveUp(wanted, taskId, error);
        return;
      }
      // The request stays: the attachment is assigned as soon as the node is active.
      this.#report(wanted, error);
      this.#await(wanted, taskId);
    }, this.#times.attachMs);
  }

  /** The task of a wanted network, unless it is to end. */
  #taskOf({ taskId, containerId }: WantedNetwork): Task | undefined {
    const known = taskId === undefined ? undefined : this.#tasks.get(taskId);
    if (known !== undefined && isAlive(known)) return known;
    for (const task of this.#tasks.values()) {
      const own = task.spec?.attachment?.containerId === containerId;
      if (own && isAlive(task) && !this.#given.has(task.id)) return task;
    }
    return undefined;
  }

  #assigned(wanted: WantedNetwork, task: Task): void {
    const { attached } = wanted;
    if (attached === undefined || attached.taskId !== task.id || attached.reserved) {
      clearTimeout(wanted.timer);
      wanted.timer = undefined;
      wanted.taskId = task.id;
      wanted.recalled = false;
      this.#requested.add(task.id, wanted.containerId);
      let now: AttachedNetwork;
      try {
        now = readAttachment(wanted.request, task.id, task.networks[0]);
      } catch (error) {
        if (!(error instanceof JoinError)) throw error;
        if (attached !== undefined) this.#listener.detached(attached);
        wanted.attached = undefined;
        this.#giveUp(wanted, task.id, error);
        return;
      }
      this.#attached(wanted, now);
    }
    const state = task.status?.state ?? 0;
    if (state < TaskState.Running && !this.#reported.has(task.id)) {
      this.#reported.add(task.id);
      const report = { taskId: task.id, state: TaskState.Running, message: 'attached' };
      // Only administrators see it: it is reported again with the next change.
      this.#session?.report([report]).catch(() => this.#reported.delete(task.id));
    }
  }

  #attached(wanted: WantedNetwork, now: AttachedNetwork): void {
    const before = wanted.attached;
    wanted.attached = now;
    wanted.failure = undefined;
    // A reserved address that is assigned is the same endpoint.
    if (before?.taskId === now.taskId && before.address === now.address) return;
    if (before !== undefined) this.#listener.detached(before);
    this.#listener.attached(now);
  }

  /**
   * Whether the swarm reserved the address that was asked for, on a node that it assigns nothing to: it then lists the
   * network for the node.
   */
  #isReserved(wanted: WantedNetwork): boolean {
    const { request, taskId, attached } = wanted;
    const listing = this.#listingOf(wanted);
    if (listing === undefined || taskId === undefined || request.address === undefined) return false;
    if (attached !== undefined) return attached.reserved;
    if (this.#node.availability === Availability.Active || wanted.listedBefore) return false;
    if (this.#rivals(wanted).length > 0) return false;
    let reserved: AttachedNetwork;
    try {
      const { network } = listing;
      reserved = { ...readAttachment(request, taskId, { network, addresses: [request.address] }), reserved: true };
    } catch (error) {
      if (!(error instanceof JoinError)) throw error;
      return false;
    }
    clearTimeout(wanted.timer);
    wanted.timer = undefined;
    this.#attached(wanted, reserved);
    return true;
  }

  /** What the swarm lists for this node about a network. */
  #listingOf({ request }: WantedNetwork): NetworkAttachment | undefined {
    return this.#node.attachments.find(
      ({ network }) => network?.id === request.network || network?.spec?.annotations?.name === request.network,
    );
  }

  /** Others for which the swarm may list the same network. */
  #rivals(wanted: WantedNetwork): WantedNetwork[] {
    const id = this.#listingOf(wanted)?.network?.id;
    return [...this.#wanted.values()].filter((other) => {
      if (other === wanted || (other.taskId === undefined && !other.requesting)) return false;
      if (other.request.network === wanted.request.network) return true;
      return id !== undefined && this.#listingOf(other)?.network?.id === id;
    });
  }

  /** Whether another request has to be settled first, since the swarm's answers couldn't be told apart. */
  #mustWait(wanted: WantedNetwork): boolean {
    const { availability } = this.#node;
    if (availability === Availability.Active || wanted.taskId !== undefined) return false;
    return this.#rivals(wanted).some(({ attached, failure }) => attached === undefined && failure === undefined);
  }

  #request(wanted: WantedNetwork): void {
    const session = this.#session;
    if (session === undefined) return;
    const former = wanted.taskId;
    wanted.requesting = true;
    wanted.recalled = false;
    wanted.taskId = undefined;
    wanted.listedBefore = this.#listingOf(wanted) !== undefined;
    const call = this.#callAttach(wanted, session, former);
    this.#calls.add(call);
    void call.finally(() => this.#calls.delete(call));
  }

  async #callAttach(wanted: WantedNetwork, session: ManagerSession, former: string | undefined): Promise<void> {
    const { request, containerId } = wanted;
    const addresses = request.address === undefined ? [] : [request.address];
    try {
      // It may hold the address.
      if (former !== undefined) await this.#leave(former).catch(() => undefined);
      const config = { target: request.network, addresses };
      const { attachmentId } = await session.connection.call(
        attachNetwork,
        { config, containerId },
        this.#times.callMs,
      );
      wanted.requesting = false;
      this.#requested.add(attachmentId, containerId);
      // The assignment may have come first.
      wanted.taskId ??= attachmentId;
      if (this.#wanted.get(keyOf(request)) !== wanted) await this.#leave(attachmentId).catch(() => undefined);
      if (wanted.attached === undefined && session === this.#session && !this.#closed) {
        this.#await(wanted, attachmentId);
      }
      this.reconcile();
    } catch (error) {
      wanted.requesting = false;
      if (!(error instanceof JoinError)) throw error;
      if (session === this.#session && !this.#closed) this.#failed(wanted, requestError(request, error));
    }
  }

  #giveUp(wanted: WantedNetwork, taskId: string, error: JoinError): void {
    if (this.#given.size >= MAX_LEFT) this.#given.clear();
    this.#given.add(taskId);
    wanted.taskId = undefined;
    this.#failed(wanted, error);
    this.#leave(taskId).catch(() => undefined);
  }

  #failed(wanted: WantedNetwork, error: JoinError): void {
    this.#report(wanted, error);
    this.#retry(wanted);
  }

  #report(wanted: WantedNetwork, error: JoinError): void {
    if (wanted.failure !== error.code) this.#listener.failed(wanted.request, error);
    wanted.failure = error.code;
  }

  #retry(wanted: WantedNetwork): void {
    clearTimeout(wanted.timer);
    wanted.timer = setTimeout(() => {
      wanted.timer = undefined;
      this.reconcile();
    }, this.#times.attachRetryMs);
  }

  /** Detaches what this run or an earlier one left behind, whether the swarm assigned it or not. */
  #detachUnwanted(): void {
    const own = new Map([...this.#wanted.values()].map((wanted) => [wanted.containerId, wanted]));
    const left = new Map(this.#requested.tasks);
    for (const task of this.#tasks.values()) {
      const container = task.spec?.attachment?.containerId;
      if (container !== undefined && isAlive(task)) left.set(task.id, container);
    }
    for (const [taskId, containerId] of left) {
      const wanted = own.get(containerId);
      if (this.#left.has(taskId) || wanted?.taskId === taskId) continue;
      this.#leave(taskId).catch(() => undefined);
    }
  }

  /** Detaches a task. It is remembered until the swarm has confirmed that it is gone. */
  async #leave(attachmentId: string, timeoutMs = this.#times.callMs): Promise<void> {
    const session = this.#session;
    if (session === undefined) throw new JoinError('CLOSED', 'no manager is connected');
    if (this.#left.size >= MAX_LEFT) this.#left.clear();
    this.#left.add(attachmentId);
    try {
      await session.connection.call(detachNetwork, { attachmentId }, timeoutMs);
    } catch (error) {
      if (!(error instanceof GrpcError) || error.status !== GrpcStatus.NotFound) throw error;
    }
    this.#requested.delete(attachmentId);
  }
}

function isAlive({ desiredState, status }: Task): boolean {
  return desiredState <= TaskState.Running && (status?.state ?? 0) <= TaskState.Running;
}
