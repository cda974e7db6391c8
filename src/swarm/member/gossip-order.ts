/** The messages between the main thread and the gossip's thread. */
import type { GossipEndpoint, TableChange } from '../../gossip/index.js';
import { ClusterKey, KeyRing } from '../../overlay/index.js';
import type { GossipErrorCode } from './gossip-error.js';
import type { SwarmGossipSettings } from './local-gossip.js';
import type { GossipReport, SwarmGossipOptions } from './swarm-gossip.js';

/** A key on its way to the thread. Its buffer moves there, so that no copy remains. */
interface SentKey {
  readonly tag: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Keys on their way to the thread, which wipes them; undefined for clear text. */
export type SentKeys = readonly SentKey[] | undefined;

/** The orders to the thread; it carries them out one after the other. */
export type GossipOrder =
  | {
      readonly kind: 'start';
      readonly options: Omit<SwarmGossipOptions, 'keys'>;
      readonly keys: SentKeys;
      readonly settings: SwarmGossipSettings;
    }
  | { readonly kind: 'keys'; readonly keys: SentKeys }
  | { readonly kind: 'seeds'; readonly seeds: readonly GossipEndpoint[] }
  | { readonly kind: 'join-network' | 'leave-network'; readonly id: string }
  | {
      readonly kind: 'entry';
      readonly networkId: string;
      readonly tableName: string;
      readonly key: string;
      readonly value: Uint8Array;
    }
  | { readonly kind: 'remove-entry'; readonly networkId: string; readonly tableName: string; readonly key: string }
  | { readonly kind: 'report'; readonly id: number }
  /** The latest changes were taken: more may come. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'close'; readonly tell: boolean };

/** What the thread says. */
export type GossipMessage =
  | { readonly kind: 'ready'; readonly name: string; readonly endpoint: GossipEndpoint }
  | { readonly kind: 'refused'; readonly code: GossipErrorCode; readonly message: string }
  | { readonly kind: 'changes'; readonly changes: readonly TableChange[] }
  | { readonly kind: 'trouble'; readonly text: string }
  | { readonly kind: 'ended'; readonly code: GossipErrorCode; readonly message: string }
  | { readonly kind: 'report'; readonly id: number; readonly report: GossipReport };

/** Keys as bytes, and their buffers, which `postMessage` is to move. */
export function toSentKeys(keys: KeyRing | undefined): { keys: SentKeys; buffers: ArrayBuffer[] } {
  const sent = keys?.keys.map((key) => ({ tag: key.tag, bytes: key.use((bytes) => new Uint8Array(bytes)) }));
  return { keys: sent, buffers: sent?.map(({ bytes }) => bytes.buffer) ?? [] };
}

/** Passes the keys to a function, and wipes them after it. */
export function useSentKeys<T>(sent: SentKeys, use: (keys: KeyRing | undefined) => T): T {
  if (sent === undefined) return use(undefined);
  const ring = new KeyRing(sent.map(({ tag, bytes }) => new ClusterKey(tag, bytes)));
  for (const { bytes } of sent) bytes.fill(0);
  try {
    return use(ring);
  } finally {
    ring.wipe();
  }
}
