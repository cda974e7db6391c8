/** What a joined VTEP reports. */
import type { VtepError } from '../../error.js';
import type { AttachedNetwork, JoinEvent } from '../../join/index.js';

/** Tags of the keys of a ring: their Lamport times. */
export interface KeyTags {
  readonly tags: readonly number[];
  /** The tag of the key that this node sends with. */
  readonly transmit: number;
}

/** An event. None has a key. */
export type JoinedVtepEvent =
  | Exclude<JoinEvent, { readonly kind: 'keys' | 'attached' }>
  /** The swarm's keys, at first and after each rotation; undefined where the swarm has none. */
  | {
      readonly kind: 'keys';
      /** Whether they replaced others. */
      readonly rotated: boolean;
      readonly gossip: KeyTags | undefined;
      readonly ipsec: KeyTags | undefined;
    }
  /** A network is attached, and its interface is there. */
  | {
      readonly kind: 'attached';
      readonly attachment: AttachedNetwork;
      /** Name of the endpoint's interface. */
      readonly device: string;
      /** Its network namespace; undefined for this process's. */
      readonly netns: string | undefined;
    }
  /** The swarm attached this node to a network that it can't be on, such as an encrypted one without raw sockets. */
  | { readonly kind: 'network-refused'; readonly attachment: AttachedNetwork; readonly error: VtepError }
  /** A problem at run time, such as of a device or of gossip. */
  | { readonly kind: 'trouble'; readonly text: string };
