/**
 * Keeps this node attached to the networks it wants: requests attachments, recognises those of an earlier run, reports
 * them as running, and requests again what was lost. The swarm never says why it doesn't assign an attachment, so after
 * a timeout the likely reason is derived from what it says about the node.
 */
import { createHash } from 'node:crypto';
import { quoted } from '../../text/plain-text.js';
import { JoinError } from '../error.js';
import { GrpcError, GrpcStatus } from '../grpc/status.js';
import { Availability, type NetworkAttachment, type Task, TaskState } from '../messages.js';
import { attachNetwork, detachNetwork } from '../methods.js';
import type { ManagerSession } from '../session/manager-session.js';
import type { JoinTimes } from '../times.js';
import { type AttachedNetwork, type AttachmentRequest, readAttachment } from './attached-network.js';

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

/** A network that is wanted. */
interface Wanted {
  readonly request: AttachmentRequest;
  /** Marks its task, and is the same in each run. */
  readonly containerId: string;
  taskId: string | undefined;
  /** Tasks given up, which the swarm may still list. */
  readonly given: Set<string>;
  attached: AttachedNetwork | undefined;
  /** Whether a request is on its way. */
  requesting: boolean;
  /** Runs out if no attachment is assigned, or until the next request. */
  timer: NodeJS.Timeout | undefined;
  /** Code of the last failure, which is reported once. */
  failure: string | undefined;
}

/** Number of tasks given up that are remembered for each network. */
const MAX_GIVEN = 64;

/** Keeps attachments. */
export class AttachmentKeeper {
  readonly #nodeId: string;
  readonly #times: JoinTimes;
  readonly #listener: AttachmentListener;
  readonly #wanted = new Map<string, Wanted>();
  /** Tasks reported as running, and tasks given back, in this session. */
  readonly #reported = new Set<string>();
  readonly #left = new Set<string>();
  #session: ManagerSession | undefined;
  #tasks: ReadonlyMap<string, Task> = new Map();
  /** Whether the tasks are those of the session. */
  #current = false;
  #node: NodeState = { availability: Availability.Active, attachments: [] };
  #closed = false;

  /** @param nodeId of this node */
  constructor(nodeId: string, times: JoinTimes, listener: AttachmentListener) {
    this.#nodeId = nodeId;
    this.#times = times;
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
    this.#wanted.set(key, {
      request,
      containerId: createHash('sha256').update(`vtep attachment ${this.#nodeId} ${key}`).digest('hex'),
      taskId: undefined,
      given: new Set(),
      attached: undefined,
      requesting: false,
      timer: undefined,
      failure: undefined,
    });
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
    if (wanted.taskId !== undefined) await this.#detach(wanted.taskId);
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
    this.#detachUnknown();
  }

  /**
   * Detaches from all networks.
   * @returns number of attachments that the swarm still holds for this node
   */
  async close(): Promise<number> {
    this.#closed = true;
    const all = [...this.#wanted.values()];
    for (const { timer } of all) clearTimeout(timer);
    const results = await Promise.allSettled(
      all.flatMap(({ taskId }) => (taskId === undefined ? [] : [this.#detach(taskId, this.#times.closeMs)])),
    );
    for (const { attached } of all) if (attached !== undefined) this.#listener.detached(attached);
    this.#wanted.clear();
    return results.filter(({ status }) => status === 'rejected').length;
  }

  #reconcileOne(wanted: Wanted): void {
    const task = this.#taskOf(wanted);
    if (task !== undefined && task.networks.length > 0) {
      this.#assigned(wanted, task);
      return;
    }
    if (wanted.attached !== undefined) {
      this.#listener.detached(wanted.attached);
      wanted.attached = undefined;
      wanted.taskId = undefined;
      // The swarm took it away: it isn't asked again at once.
      this.#retry(wanted);
    }
    if (wanted.timer !== undefined || wanted.requesting) return;
    if (wanted.taskId === undefined) void this.#request(wanted);
    else this.#await(wanted, wanted.taskId);
  }

  /** Waits for the assignment of a requested attachment. */
  #await(wanted: Wanted, taskId: string): void {
    wanted.timer = setTimeout(() => {
      const error = this.#whyUnassigned(wanted);
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
  #taskOf({ taskId, containerId, given }: Wanted): Task | undefined {
    for (const task of this.#tasks.values()) {
      const own = taskId === undefined ? task.spec?.attachment?.containerId === containerId : task.id === taskId;
      if (own && isAlive(task) && !given.has(task.id)) return task;
    }
    return undefined;
  }

  #assigned(wanted: Wanted, task: Task): void {
    if (wanted.attached?.taskId !== task.id) {
      clearTimeout(wanted.timer);
      wanted.timer = undefined;
      wanted.taskId = task.id;
      try {
        wanted.attached = readAttachment(wanted.request, task.id, task.networks[0]);
      } catch (error) {
        if (!(error instanceof JoinError)) throw error;
        this.#giveUp(wanted, task.id, error);
        return;
      }
      wanted.failure = undefined;
      this.#listener.attached(wanted.attached);
    }
    const state = task.status?.state ?? 0;
    if (state < TaskState.Running && !this.#reported.has(task.id)) {
      this.#reported.add(task.id);
      const report = { taskId: task.id, state: TaskState.Running, message: 'attached' };
      // If it fails, so does the session, and the next one reports again.
      this.#session?.report([report]).catch(() => undefined);
    }
  }

  async #request(wanted: Wanted): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    const { network, address } = wanted.request;
    wanted.requesting = true;
    try {
      const { attachmentId } = await session.connection.call(
        attachNetwork,
        {
          config: { target: network, addresses: address === undefined ? [] : [address] },
          containerId: wanted.containerId,
        },
        this.#times.callMs,
      );
      wanted.requesting = false;
      if (this.#closed || this.#wanted.get(keyOf(wanted.request)) !== wanted) {
        await this.#detach(attachmentId).catch(() => undefined);
        return;
      }
      // The assignment may have come first.
      wanted.taskId ??= attachmentId;
      if (wanted.attached !== undefined || session !== this.#session) return;
      this.#await(wanted, attachmentId);
      this.reconcile();
    } catch (error) {
      wanted.requesting = false;
      if (!(error instanceof JoinError)) throw error;
      if (session === this.#session && !this.#closed) this.#failed(wanted, requestError(wanted.request, error));
    }
  }

  #giveUp(wanted: Wanted, taskId: string, error: JoinError): void {
    if (wanted.given.size >= MAX_GIVEN) wanted.given.clear();
    wanted.given.add(taskId);
    wanted.taskId = undefined;
    this.#detach(taskId).catch(() => undefined);
    this.#failed(wanted, error);
  }

  #failed(wanted: Wanted, error: JoinError): void {
    this.#report(wanted, error);
    this.#retry(wanted);
  }

  #report(wanted: Wanted, error: JoinError): void {
    if (wanted.failure !== error.code) this.#listener.failed(wanted.request, error);
    wanted.failure = error.code;
  }

  #retry(wanted: Wanted): void {
    clearTimeout(wanted.timer);
    wanted.timer = setTimeout(() => {
      wanted.timer = undefined;
      this.reconcile();
    }, this.#times.attachRetryMs);
  }

  #whyUnassigned({ request }: Wanted): JoinError {
    const { availability, attachments } = this.#node;
    const seconds = this.#times.attachMs / 1000;
    const what = `network ${quoted(request.network)}: not attached within ${seconds} s`;
    if (availability !== Availability.Active) {
      const state = availability === Availability.Drain ? 'drained' : 'paused';
      return new JoinError(
        'NODE_NOT_ACTIVE',
        `${what}, since this node is ${state}: set it active with docker node update --availability active until it is attached`,
      );
    }
    if (request.address !== undefined) {
      return new JoinError(
        'ADDRESS_TAKEN',
        `${what}: the address ${quoted(request.address)} is taken, or not in the network's subnets`,
      );
    }
    const listed = attachments.some(({ network }) => network?.id === request.network);
    const why = listed
      ? 'the scheduler does not place it'
      : 'the network has no free address, or could not be allocated';
    return new JoinError('NO_ADDRESS', `${what}: ${why}; see docker network inspect on a manager`);
  }

  /** Detaches what an earlier run left behind. */
  #detachUnknown(): void {
    const own = new Map([...this.#wanted.values()].map((wanted) => [wanted.containerId, wanted]));
    for (const task of this.#tasks.values()) {
      const container = task.spec?.attachment?.containerId;
      if (container === undefined || !isAlive(task) || this.#left.has(task.id)) continue;
      const wanted = own.get(container);
      if (wanted !== undefined && (wanted.attached === undefined || wanted.taskId === task.id)) continue;
      this.#left.add(task.id);
      this.#detach(task.id).catch(() => undefined);
    }
  }

  async #detach(attachmentId: string, timeoutMs = this.#times.callMs): Promise<void> {
    const session = this.#session;
    if (session === undefined) throw new JoinError('CLOSED', 'no manager is connected');
    try {
      await session.connection.call(detachNetwork, { attachmentId }, timeoutMs);
    } catch (error) {
      if (error instanceof GrpcError && error.status === GrpcStatus.NotFound) return;
      throw error;
    }
  }
}

function keyOf({ network, address = '' }: AttachmentRequest): string {
  return `${network}=${address}`;
}

function isAlive({ desiredState, status }: Task): boolean {
  return desiredState <= TaskState.Running && (status?.state ?? 0) <= TaskState.Running;
}

function requestError({ network }: AttachmentRequest, error: JoinError): JoinError {
  if (!(error instanceof GrpcError)) return error;
  if (error.status === GrpcStatus.NotFound) {
    return new JoinError('NETWORK_NOT_FOUND', `network ${quoted(network)}: the swarm has none of that name or id`);
  }
  if (error.status === GrpcStatus.PermissionDenied && error.reason.includes('attachable')) {
    return new JoinError(
      'NETWORK_NOT_ATTACHABLE',
      `network ${quoted(network)}: not attachable; create it with docker network create --driver overlay --attachable`,
    );
  }
  return error;
}
