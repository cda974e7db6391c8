import { chooseAead } from '../../aead/index.js';
import { GossipKeyring } from '../../gossip/index.js';
import type { ClusterKey, KeyRing } from '../../overlay/index.js';
import type { GossipKeyReport } from './swarm-gossip.js';

const MILLISECONDS = 1000;

interface HeldKey {
  /** This object's own copy. */
  readonly key: ClusterKey;
  /** Names it in the key ring: a Lamport time may come back with another key. */
  readonly id: number;
  readonly since: number;
  received: number;
}

/** The keys of a running member, which change as the swarm rotates them. */
export class MemberKeys {
  readonly #ring = new GossipKeyring(chooseAead().aead);
  #held: readonly HeldKey[] = [];
  #transmit: HeldKey | undefined;
  #lastId = 0;

  /** For what is sent and received; undefined for clear text. */
  get ring(): GossipKeyring | undefined {
    return this.#transmit === undefined ? undefined : this.#ring;
  }

  /**
   * Replaces the keys, in Docker's order: adds the new ones, sends with the middle one, removes the old ones.
   * @param keys copied; undefined for clear text
   * @throws OverlayError `KEY_WIPED`
   */
  set(keys: KeyRing | undefined, now: number): void {
    if (keys === undefined) {
      this.wipe();
      return;
    }
    const before = this.#held;
    const after: HeldKey[] = [];
    let transmit: HeldKey | undefined;
    // All are copied before anything changes, so that a wiped key changes nothing.
    for (const key of keys.copy().keys) {
      const held = before.find((other) => other.key.equals(key));
      if (held !== undefined) key.wipe();
      const kept = held ?? { key, id: (this.#lastId += 1), since: now, received: 0 };
      after.push(kept);
      if (key.tag === keys.transmit.tag) transmit = kept;
    }
    for (const { id, key } of after) key.use((bytes) => this.#ring.add(id, bytes));
    if (transmit !== undefined) this.#ring.use(transmit.id);
    for (const held of before) {
      if (after.includes(held)) continue;
      this.#ring.remove(held.id);
      held.key.wipe();
    }
    this.#held = after;
    this.#transmit = transmit;
  }

  /** Counts what was decrypted, by the key that fitted. */
  countReceived(id: number | undefined): void {
    const held = this.#held.find((other) => other.id === id);
    if (held !== undefined) held.received += 1;
  }

  report(now: number): GossipKeyReport[] {
    return this.#held.map((held) => ({
      tag: held.key.tag,
      transmit: held === this.#transmit,
      seconds: (now - held.since) / MILLISECONDS,
      received: held.received,
    }));
  }

  /** Removes and wipes all keys. */
  wipe(): void {
    this.#ring.wipe();
    for (const { key } of this.#held) key.wipe();
    this.#held = [];
    this.#transmit = undefined;
  }
}
