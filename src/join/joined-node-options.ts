/** How a node joins a swarm, and leaves it. */
import type { AttachmentRequest } from './attachment/attached-network.js';
import type { JoinEvent } from './events.js';
import type { NodeProfile } from './session/node-profile.js';
import type { JoinTimes } from './times.js';
import type { JoinToken } from './token.js';

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
