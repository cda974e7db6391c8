/** Connections to backends, opened in the mesh's network namespace. */
import { connect, Socket, type TcpNetConnectOpts } from 'node:net';
import { namespaceIdentity, OpenNamespace } from '../../system/network-namespace.js';
import type { Target } from '../routing/target.js';

/** What becomes of a connection, and of the namespace. */
export interface BackendSocketsOptions {
  /** Monotonic, in milliseconds. */
  readonly clock: () => number;
  /** How long a connection may take to be made, in milliseconds. */
  readonly patience: () => number;
  /** Called after a connection couldn't be made. */
  readonly onFailed: (target: Target) => void;
  /** Called when backends are reached from another namespace, or from one that wasn't there before. */
  readonly onMoved: () => void;
  /** What is wrong with the namespace; undefined if nothing is any more. */
  readonly onTrouble: (what: string | undefined) => void;
}

/** A connection that isn't made yet. */
interface Beginning {
  readonly target: Target;
  readonly began: number;
}

/**
 * Opens connections. A socket stays in the namespace in which it was made (setns(2)). `net.connect` makes it in a later
 * tick, but with an own `lookup` that answers at once it does so within the call.
 */
export class BackendSockets {
  readonly #options: BackendSocketsOptions;
  readonly #beginning = new Map<Socket, Beginning>();
  readonly #open = new Map<Target, Set<Socket>>();
  #name: string | undefined;
  #namespace: OpenNamespace | undefined;
  #identity: string | undefined;

  constructor(options: BackendSocketsOptions) {
    this.#options = options;
  }

  /** Uses a namespace from now on: a name of `ip netns`, or a path; undefined for the thread's own. */
  use(name: string | undefined): void {
    if (name !== this.#name) {
      this.#close();
      this.#name = name;
      this.#options.onTrouble(undefined);
      if (name === undefined) this.#options.onMoved();
    }
    this.#followNamespace();
  }

  /** Begins a connection. If there is no namespace, it fails as if the target couldn't be reached. */
  open(target: Target, options: Partial<TcpNetConnectOpts> = {}): Socket {
    if (this.#name !== undefined && this.#namespace === undefined) return failing();
    const socket = this.#begin(target, options);
    const { clock, onFailed } = this.#options;
    this.#beginning.set(socket, { target, began: clock() });
    this.#add(target, socket);
    let isMade = false;
    socket.once('connect', () => {
      isMade = true;
      this.#beginning.delete(socket);
      target.succeeded();
    });
    let hasFailed = false;
    // Whoever uses the socket handles its errors too; this is the first to know.
    socket.on('error', () => (hasFailed = true));
    socket.once('close', () => {
      this.#remove(target, socket);
      const beginning = this.#beginning.get(socket);
      this.#beginning.delete(socket);
      if (isMade || beginning === undefined) return;
      const now = clock();
      // One that its user has closed says nothing, unless it was for its slowness.
      if (!hasFailed && now - beginning.began < this.#options.patience()) return;
      target.failed(now, beginning.began);
      onFailed(target);
      this.#followNamespace();
    });
    return socket;
  }

  /** Gives up connections that take too long, and looks for a namespace that wasn't there. Called a few times per second. */
  sweep(now: number): void {
    const patience = this.#options.patience();
    for (const [socket, { target, began }] of this.#beginning) {
      if (now - began < patience) continue;
      socket.destroy(new Error(`no connection to ${target.host}:${target.port} within ${patience} ms`));
    }
    if (this.#name !== undefined && this.#namespace === undefined) this.#followNamespace();
  }

  /** Ends all connections to a target: nobody answers there any more. */
  end(target: Target): void {
    for (const socket of this.#open.get(target) ?? []) socket.destroy(new Error(`the task ${target.name} is gone`));
  }

  close(): void {
    for (const socket of this.#beginning.keys()) socket.destroy();
    this.#close();
  }

  #add(target: Target, socket: Socket): void {
    const sockets = this.#open.get(target);
    if (sockets === undefined) this.#open.set(target, new Set([socket]));
    else sockets.add(socket);
  }

  #remove(target: Target, socket: Socket): void {
    const sockets = this.#open.get(target);
    sockets?.delete(socket);
    if (sockets?.size === 0) this.#open.delete(target);
  }

  #begin({ host, port }: Target, options: Partial<TcpNetConnectOpts>): Socket {
    const namespace = this.#namespace;
    if (namespace === undefined) return connect({ noDelay: true, ...options, host, port });
    return connect({
      noDelay: true,
      ...options,
      host: 'backend',
      port,
      family: 4,
      autoSelectFamily: false,
      lookup: (_name, _options, done) => {
        try {
          namespace.within(() => done(null, host, 4));
        } catch (error) {
          done(error as Error, host, 4);
        }
      },
    });
  }

  /** Opens the namespace, again if another has its name now. */
  #followNamespace(): void {
    const name = this.#name;
    if (name === undefined) return;
    const identity = namespaceIdentity(name);
    if (this.#namespace !== undefined && identity === this.#identity) return;
    this.#close();
    try {
      this.#namespace = new OpenNamespace(name);
      this.#identity = identity;
      this.#options.onTrouble(undefined);
      this.#options.onMoved();
    } catch (error) {
      this.#options.onTrouble(`can't reach backends: ${(error as Error).message}`);
    }
  }

  #close(): void {
    this.#namespace?.close();
    this.#namespace = undefined;
    this.#identity = undefined;
  }
}

/** A socket that fails, once its user listens. The target is not to blame. */
function failing(): Socket {
  const socket = new Socket();
  socket.on('error', () => undefined);
  process.nextTick(() => socket.destroy(new Error('the network namespace is not there')));
  return socket;
}
