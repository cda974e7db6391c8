/** What a joined node reports. */
import type { AttachedNetwork, AttachmentRequest } from './attachment/attached-network.js';
import type { NodeBalancer } from './attachment/node-balancers.js';
import type { JoinError } from './error.js';
import type { SwarmKeys } from './session/cluster-keys.js';

/** How the node and its managers get on. */
export const JoinState = {
  /** Trying to reach a manager. */
  Connecting: 'connecting',
  /** Registered: administrators see the node as Ready. */
  Connected: 'connected',
  /** Over, for a reason that won't pass by itself. */
  Ended: 'ended',
} as const;
export type JoinState = (typeof JoinState)[keyof typeof JoinState];

/** The node as the swarm sees it. */
export interface SwarmNode {
  readonly nodeId: string;
  readonly clusterId: string;
  /** The node's address, as the manager sees it. */
  readonly address: string;
  /** The swarm's UDP port for VXLAN. */
  readonly vxlanPort: number;
  /** As in `docker node ls`. */
  readonly availability: 'active' | 'pause' | 'drain';
  /** When the node's certificate expires, in milliseconds since 1970. */
  readonly certificateExpires: number;
}

/** An event. */
export type JoinEvent =
  /** The node registered, or what the swarm says about it changed. */
  | { readonly kind: 'node'; readonly node: SwarmNode }
  /** The certificate was renewed, or the root CA was replaced. */
  | { readonly kind: 'certificate'; readonly renewed: 'certificate' | 'root'; readonly expires: number }
  /** The swarm's keys, at first and after each rotation. They are the receiver's own, to be wiped after use. */
  | { readonly kind: 'keys'; readonly keys: SwarmKeys }
  /** The managers' addresses changed. */
  | { readonly kind: 'managers'; readonly managers: readonly string[] }
  /**
   * The addresses of this node's load balancers, at first and after each change: all of them, by network id. One comes
   * shortly before or after the first attachment of its network, and goes after the last.
   */
  | { readonly kind: 'balancers'; readonly balancers: readonly NodeBalancer[] }
  | { readonly kind: 'attached'; readonly attachment: AttachedNetwork }
  | { readonly kind: 'detached'; readonly attachment: AttachedNetwork }
  /** A network couldn't be attached; it is requested again. Reported once for each code. */
  | { readonly kind: 'attach-failed'; readonly request: AttachmentRequest; readonly error: JoinError }
  /** The scheduler placed a service's task here, which was rejected. Reported once for each service. */
  | { readonly kind: 'task-rejected'; readonly serviceId: string; readonly service: string }
  /** A problem that doesn't end the session: with the certificate, or a load balancer's network that can't be used. */
  | { readonly kind: 'warning'; readonly error: JoinError }
  /** The state changed, or the reason for which it is what it is. */
  | {
      readonly kind: 'state';
      readonly state: JoinState;
      /** The manager, while connected or connecting. */
      readonly manager?: string;
      readonly error?: JoinError;
    };
