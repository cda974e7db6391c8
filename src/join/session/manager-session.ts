/** A session with a manager: registration, heartbeats and assignments. */
import { JoinError } from '../error.js';
import type { AnswerStream, ManagerConnection } from '../grpc/manager-connection.js';
import { GrpcError, GrpcStatus } from '../grpc/status.js';
import type { AssignmentsMessage, SessionMessage } from '../messages.js';
import { assignments, heartbeat, session, updateTaskStatus } from '../methods.js';
import type { JoinTimes } from '../times.js';

/** Bounds of what a manager may ask for between heartbeats, in milliseconds. */
const MIN_PERIOD_MS = 100;
const MAX_PERIOD_MS = 60_000;

/** What a session reports. */
export interface SessionListener {
  /** Called for each message, the first one included. */
  message(message: SessionMessage): void;
  /** Called when a stream of assignments begins. */
  assignmentsBegin(): void;
  /** @returns false to open the stream again */
  assignments(message: AssignmentsMessage): boolean;
}

/** A registered session. */
export class ManagerSession {
  readonly connection: ManagerConnection;
  /** The id that the manager gave it. */
  readonly id: string;
  /** Resolves with why the session ended, or undefined after `end`. */
  readonly ended: Promise<JoinError | undefined>;
  readonly #times: JoinTimes;
  readonly #listener: SessionListener;
  readonly #stream: AnswerStream;
  #assignments: AnswerStream | undefined;
  #resolve: (reason: JoinError | undefined) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #reopening: NodeJS.Timeout | undefined;
  /** Runs out if no assignments arrive on their stream. */
  #silence: NodeJS.Timeout | undefined;
  #over = false;
  #heartbeatAt: number | undefined;

  private constructor(
    connection: ManagerConnection,
    id: string,
    stream: AnswerStream,
    listener: SessionListener,
    times: JoinTimes,
  ) {
    this.connection = connection;
    this.id = id;
    this.#stream = stream;
    this.#listener = listener;
    this.#times = times;
    this.ended = new Promise((resolve) => (this.#resolve = resolve));
    void stream.ended.then((reason) => this.#finish(reason));
  }

  /**
   * Registers the node.
   * @param description as `nodeDescription`
   * @param former a session to continue on this connection, with a new description
   * @throws JoinError
   */
  static async open(
    connection: ManagerConnection,
    description: object,
    former: ManagerSession | undefined,
    listener: SessionListener,
    times: JoinTimes,
  ): Promise<ManagerSession> {
    let timer: NodeJS.Timeout | undefined;
    let registered: (message: SessionMessage) => void = () => undefined;
    const first = new Promise<SessionMessage>((resolve) => (registered = resolve));
    let begun = false;
    const request = { description, sessionId: former?.id ?? '' };
    const stream = connection.stream(session, request, (message) => {
      if (message.sessionId === '' || message.node === undefined) {
        throw new JoinError('BAD_ANSWER', `${connection.address}: a session without an id or a node`);
      }
      if (begun) listener.message(message);
      else registered(message);
      begun = true;
    });
    const late = new Promise<JoinError>((resolve) => {
      const text = `${connection.address}: the manager didn't register the node within ${times.callMs} ms`;
      timer = setTimeout(() => resolve(new JoinError('MANAGER_SILENT', text)), times.callMs);
    });
    const result = await Promise.race([first, late, stream.ended]);
    clearTimeout(timer);
    if (result === undefined || result instanceof JoinError) {
      stream.cancel();
      throw result === undefined ? new JoinError('CLOSED', 'the node was closed') : sessionError(result);
    }
    const opened = new ManagerSession(connection, result.sessionId, stream, listener, times);
    try {
      listener.message(result);
    } catch (error) {
      opened.end();
      throw error;
    }
    return opened;
  }

  /** Milliseconds since the manager last answered a heartbeat; undefined if it hasn't yet. */
  get heartbeatAge(): number | undefined {
    return this.#heartbeatAt === undefined ? undefined : performance.now() - this.#heartbeatAt;
  }

  /** Starts heartbeats and assignments. */
  start(): void {
    void this.#beat();
    this.#readAssignments();
  }

  /**
   * Reports the state of tasks.
   * @throws JoinError
   */
  async report(
    updates: readonly {
      readonly taskId: string;
      readonly state: number;
      readonly message: string;
      readonly err?: string;
    }[],
  ): Promise<void> {
    const seconds = Math.floor(Date.now() / 1000);
    await this.connection.call(
      updateTaskStatus,
      {
        sessionId: this.id,
        updates: updates.map(({ taskId, ...status }) => ({ taskId, status: { timestamp: { seconds }, ...status } })),
      },
      this.#times.callMs,
    );
  }

  /** Resolves `ended` though the session goes on, until `end`: another one takes over. */
  yield(): void {
    this.#resolve(undefined);
  }

  /** Ends the session on this side, and closes the connection. */
  end(): void {
    this.#finish(undefined);
  }

  #finish(reason: JoinError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#reopening);
    clearTimeout(this.#silence);
    this.#resolve(reason === undefined ? undefined : sessionError(reason));
    this.#stream.cancel();
    this.#assignments?.cancel();
    this.connection.close();
  }

  async #beat(): Promise<void> {
    try {
      const { period } = await this.connection.call(heartbeat, { sessionId: this.id }, this.#times.callMs);
      if (this.#over) return;
      this.#heartbeatAt = performance.now();
      const asked = (period?.seconds ?? 0) * 1000 + (period?.nanos ?? 0) / 1e6;
      const pause = Math.min(Math.max(asked, MIN_PERIOD_MS), MAX_PERIOD_MS);
      this.#timer = setTimeout(() => void this.#beat(), pause);
    } catch (error) {
      this.#fail(error);
    }
  }

  #readAssignments(): void {
    this.#listener.assignmentsBegin();
    let inOrder = true;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      const text = `${this.connection.address}: the manager didn't send the node's tasks within ${this.#times.callMs} ms`;
      this.#finish(new JoinError('MANAGER_SILENT', text));
    }, this.#times.callMs);
    const stream = this.connection.stream(assignments, { sessionId: this.id }, (message) => {
      if (!inOrder || this.#over) return;
      clearTimeout(this.#silence);
      inOrder = this.#listener.assignments(message);
      if (inOrder) return;
      stream.cancel();
      // A manager that never sends them in order must not keep this node busy.
      this.#reopening = setTimeout(() => {
        if (!this.#over) this.#readAssignments();
      }, MIN_PERIOD_MS);
    });
    this.#assignments = stream;
    void stream.ended.then((reason) => {
      if (reason !== undefined) this.#finish(reason);
    });
  }

  #fail(error: unknown): void {
    if (!(error instanceof JoinError)) throw error;
    this.#finish(error);
  }
}

/** Explains the ends of a session that only a dispatcher's answers have. */
function sessionError(error: JoinError): JoinError {
  if (!(error instanceof GrpcError)) return error;
  if (error.status === GrpcStatus.InvalidArgument && error.reason.includes('session invalid')) {
    return new JoinError('IDENTITY_IN_USE', 'another process opened a session with this identity');
  }
  if (error.status === GrpcStatus.Aborted || error.status === GrpcStatus.NotFound) {
    return new JoinError('SESSION_ENDED', `${error.message.split(':', 2).join(':')}: the manager ended the session`, {
      cause: error,
    });
  }
  return error;
}
