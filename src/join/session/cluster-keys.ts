/** The swarm's keys, as managers distribute them. */
import { ClusterKey, KeyRing } from '../../overlay/index.js';
import { JoinError } from '../error.js';
import { type EncryptionKey, KeySubsystem } from '../messages.js';

const AES_128_GCM = 0;
const KEY_BYTES = 16;
const MAX_KEYS = 16;

/** Both rings. Of three keys, the middle one (`transmit`) is sent with, and all are accepted. */
export interface SwarmKeys {
  /** For the packets between the nodes' gossip on port 7946; undefined if the swarm has none. */
  readonly gossip: KeyRing | undefined;
  /** For ESP of encrypted networks; undefined if the swarm has none. */
  readonly ipsec: KeyRing | undefined;
}

/**
 * Reads the keys of a session message. The caller wipes them.
 * @throws JoinError `BAD_ANSWER`
 */
export function readSwarmKeys(keys: readonly EncryptionKey[]): SwarmKeys {
  const gossip = ringOf(keys, KeySubsystem.Gossip);
  try {
    return { gossip, ipsec: ringOf(keys, KeySubsystem.Ipsec) };
  } catch (error) {
    gossip?.wipe();
    throw error;
  }
}

/** Copies keys. */
export function copySwarmKeys({ gossip, ipsec }: SwarmKeys): SwarmKeys {
  return { gossip: gossip?.copy(), ipsec: ipsec?.copy() };
}

/** Overwrites keys with zeros. */
export function wipeSwarmKeys({ gossip, ipsec }: SwarmKeys): void {
  gossip?.wipe();
  ipsec?.wipe();
}

/**
 * Replaces keys, and wipes those that aren't needed any more. A message without keys doesn't take any away: without them,
 * a node would send in the clear.
 * @returns `before` if nothing changed
 */
export function replaceSwarmKeys(before: SwarmKeys, now: SwarmKeys): SwarmKeys {
  const gossip = now.gossip ?? before.gossip;
  const ipsec = now.ipsec ?? before.ipsec;
  if (sameRing(before.gossip, gossip) && sameRing(before.ipsec, ipsec)) {
    wipeSwarmKeys(now);
    return before;
  }
  if (gossip !== before.gossip) before.gossip?.wipe();
  if (ipsec !== before.ipsec) before.ipsec?.wipe();
  return { gossip, ipsec };
}

function sameRing(a: KeyRing | undefined, b: KeyRing | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.keys.length === b.keys.length && a.keys.every((key, i) => key.equals(b.keys[i]));
}

function ringOf(keys: readonly EncryptionKey[], subsystem: string): KeyRing | undefined {
  const own = keys.filter((key) => key.subsystem === subsystem);
  if (own.length === 0) return undefined;
  if (
    own.length > MAX_KEYS ||
    own.some(({ algorithm, key }) => algorithm !== AES_128_GCM || key.length !== KEY_BYTES)
  ) {
    throw new JoinError('BAD_ANSWER', `the manager sent keys of ${subsystem} that are not those of AES-128-GCM`);
  }
  try {
    return new KeyRing(own.map(({ lamportTime, key }) => new ClusterKey(lamportTime, key)));
  } catch (error) {
    throw new JoinError('BAD_ANSWER', `the manager sent keys of ${subsystem} that make no ring`, { cause: error });
  }
}
