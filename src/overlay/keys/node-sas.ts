/**
 * The SAs of one node with all others, derived from the key ring: for each peer, one inbound SA per key and one
 * outbound SA. Peers and rings may change at any time; `step` performs one step at a time, so that packets can pass in
 * between.
 */
import type { Aead } from '../../aead/portable.js';
import {
  InboundSa,
  type OutboundSa,
  type ReplayWindow,
  Sad,
  type SaLimits,
  SequenceReservations,
} from '../../ipsec/index.js';
import { SaTable } from '../../ipsec/internal.js';
import { checkSeconds } from '../../memory/internal.js';
import { type InboundClaim, InboundClaims } from './inbound-claims.js';
import { keyFingerprint } from './key-fingerprint.js';
import type { ClusterKey, KeyRing } from './key-ring.js';
import { OutboundWatch } from './outbound-watch.js';
import { PeerSas, type RotationStep, StepKind, type WantedKeys } from './peer-sas.js';
import { deriveSa, type HkdfSha256, type PairKey, Profile } from '../profile.js';
import { ROTATION_INTERVAL } from './rotation-schedule.js';
import { type SaEvent, SaEventKind } from './sa-event.js';
import { deriveSpi, SpiForm } from './spi.js';
import type { Topology } from '../topology.js';

/** Options of a node's SAs. */
export interface NodeSasOptions {
  readonly hkdf: HkdfSha256;
  /** Fills an array with random bytes, for the masks of the IVs: must be cryptographic for real traffic. */
  readonly random: (bytes: Uint8Array) => void;
  /**
   * Derivation of SAs.
   * @default Profile.Swarm
   */
  readonly profile?: Profile;
  readonly spiForm?: SpiForm;
  /** Start time, in seconds of the packets' clock. */
  readonly now?: number;
  /** Limits of each outbound SA. */
  readonly limits?: SaLimits;
  /** Persists this node's sequence numbers across restarts. Default: none; each restart draws new masks. */
  readonly reservations?: SequenceReservations;
  /**
   * Seconds between two rotations, to predict which SAs end before the next one.
   * @default 43200
   */
  readonly interval?: number;
  /** Called when an SA is running out, has stopped or collides. */
  readonly onEvent?: (event: SaEvent) => void;
}

/** Peer ids below this multiple of the number of peers have a row in the table of outbound SAs. */
const SPARSE = 64;

/** Properties of a ring besides its keys. */
export interface RingUpdateOptions {
  /**
   * Accept a ring that is older than the current one: for a cluster restored from a backup. SAs of keys that this node
   * has since forgotten restart with new masks.
   */
  readonly force?: boolean;
  /**
   * When the ring was made, in seconds of the packets' clock.
   * @default now
   */
  readonly rotated?: number;
}

/** Result of a ring update. */
export const RingOutcome = {
  /** Accepted; the steps to it are pending. */
  Accepted: 'taken',
  /** The same as the current ring. */
  Same: 'same',
  /** Older than the current ring, such as a late message; ignored. */
  Stale: 'stale',
} as const;
export type RingOutcome = (typeof RingOutcome)[keyof typeof RingOutcome];

/**
 * A node's SAs.
 * @example
 * import { randomFillSync } from 'node:crypto';
 * import { chooseAead, hkdfSha256 } from 'vtep/aead';
 * import { KeyRing, NodeSas, RingRotation, RotationSchedule } from 'vtep/overlay';
 * import { parseIpv4 } from 'vtep/wire';
 *
 * const random = (bytes: Uint8Array) => void randomFillSync(bytes);
 * const schedule = new RotationSchedule({ start: 0 });
 * const manager = new RingRotation(KeyRing.generate({ random }), { random, schedule });
 * const sas = new NodeSas(parseIpv4('192.168.50.1'), chooseAead().aead, { hkdf: hkdfSha256, random });
 * sas.addPeer(2, parseIpv4('192.168.50.2'));
 * sas.update(manager.ring, 0);
 * sas.settle(0);
 * const now = 43_200; // twelve hours later
 * const ring = manager.poll(now); // undefined until it is due
 * if (ring !== undefined) sas.update(ring, now);
 * for (let step = sas.step(now); step !== undefined; step = sas.step(now)) console.log(step.kind, step.tag);
 * sas.close();
 */
export class NodeSas {
  /** Inbound SAs. */
  readonly inbound = new Sad<InboundSa>();
  readonly #here: Uint8Array;
  readonly #aead: Aead;
  readonly #options: NodeSasOptions;
  readonly #reservations: SequenceReservations;
  readonly #claims = new InboundClaims(this.inbound);
  readonly #watch: OutboundWatch;
  /** Replay windows by key and peer address, so that a returning peer's packets aren't accepted again. */
  readonly #windows = new Map<ClusterKey, Map<string, ReplayWindow>>();
  readonly #recordNames = new WeakMap<ClusterKey, string>();
  readonly #peers = new Map<number, PeerSas>();
  /** Outbound SA by peer. */
  readonly #outbound: (OutboundSa | undefined)[] = [];
  /** @internal Their rows. */
  readonly outboundRows = new SaTable();
  /** Peers whose SAs may still need steps. */
  readonly #unsettled = new Map<number, PeerSas>();
  #wanted: WantedKeys | undefined;
  /** The keys that SAs may use: those of the ring and, until all steps are done, those of earlier rings. */
  readonly #keys = new Set<ClusterKey>();
  /** The keys whose sequence numbers are kept. */
  #kept: WantedKeys | undefined;
  #now: number;
  /** Time of the last rotation, as far as known. */
  #rotated: number;

  /**
   * @param here address of this node's VTEP: 4 or 16 bytes
   * @param aead the cipher that holds the keys
   */
  constructor(here: Uint8Array, aead: Aead, options: NodeSasOptions) {
    this.#here = new Uint8Array(here);
    this.#aead = aead;
    this.#options = options;
    this.#reservations = options.reservations ?? new SequenceReservations({ random: options.random });
    this.#now = options.now ?? 0;
    this.#rotated = this.#now;
    this.#watch = new OutboundWatch(options.interval ?? ROTATION_INTERVAL, (event) => options.onEvent?.(event));
  }

  /**
   * Creates the SAs of a topology's node with all other nodes; peer ids are indexes into `topology.nodes`.
   * @param topology must have a key ring; otherwise there are no SAs
   * @param node index of this node in `topology.nodes`
   * @throws OverlayError `KEY_WIPED`; IpsecError for invalid options
   */
  static ofTopology(topology: Topology, node: number, aead: Aead, options: NodeSasOptions): NodeSas {
    const { nodes, ring, profile } = topology;
    const sas = new NodeSas(nodes[node].vtep, aead, { profile, ...options });
    nodes.forEach(({ vtep }, index) => {
      if (index !== node) sas.addPeer(index, vtep);
    });
    if (ring !== undefined) sas.update(ring, options.now ?? 0);
    sas.settle(options.now ?? 0);
    return sas;
  }

  /** Tags of the current keys. */
  get tags(): readonly number[] {
    return this.#wanted?.keys.map(({ tag }) => tag) ?? [];
  }

  /** The outbound SA to a peer, or undefined. */
  outbound(peer: number): OutboundSa | undefined {
    return this.#outbound[peer];
  }

  /** Sets the outbound SA to a peer, or none. */
  #setOutbound(peer: number, sa: OutboundSa | undefined): void {
    const before = this.#outbound[peer];
    if (before !== undefined) this.outboundRows.remove(peer, before);
    this.#outbound[peer] = sa;
    // Ids are small and dense; the SA of any other has memory of its own.
    if (sa !== undefined && peer < SPARSE * (this.#peers.size + 1)) this.outboundRows.place(peer, sa);
  }

  /** Number of a peer's inbound and outbound SAs: 3 and 1 between rotations. */
  counts(peer: number): { readonly rx: number; readonly tx: number } {
    return this.#peers.get(peer)?.counts ?? { rx: 0, tx: 0 };
  }

  /**
   * Adds a peer; the next steps create its SAs. A peer of the other IP version gets none.
   * @param peer the peer's id, from 0; a known one is ignored
   * @param address the peer's VTEP address: 4 or 16 bytes
   */
  addPeer(peer: number, address: Uint8Array): void {
    if (this.#peers.has(peer) || address.length !== this.#here.length) return;
    const sas = new PeerSas(peer, address, this.#maker);
    this.#peers.set(peer, sas);
    this.#unsettled.set(peer, sas);
  }

  /** Removes a peer and its SAs. Unknown ids are ignored. */
  removePeer(peer: number): void {
    this.#setOutbound(peer, undefined);
    this.#peers.get(peer)?.close();
    this.#peers.delete(peer);
    this.#unsettled.delete(peer);
    this.#forget();
  }

  /**
   * Sets the ring; `step` or `settle` perform the resulting steps. A ring may arrive at any time, more than once, or
   * several rotations ahead.
   * @param ring its keys are copied
   * @param nowSeconds the packets' clock, in seconds
   * @throws OverlayError `KEY_WIPED`; MemoryError `BAD_TIME` for milliseconds
   */
  update(ring: KeyRing, nowSeconds: number, options: RingUpdateOptions = {}): RingOutcome {
    checkSeconds(nowSeconds);
    const { force = false, rotated = nowSeconds } = options;
    this.#now = nowSeconds;
    const held = this.#wanted?.keys ?? [];
    const newest = ring.keys[ring.keys.length - 1];
    if (!force && held.length > 0 && newest.tag < held[held.length - 1].tag) return RingOutcome.Stale;
    if (held.length === ring.keys.length && held.every((key, i) => key.equals(ring.keys[i]))) return RingOutcome.Same;
    const copy = ring.copy();
    // Keys are compared by identity: a key that SAs may still use must stay the same object, even if a ring is
    // restored.
    const keys = copy.keys.map((key) => [...this.#keys].find((before) => before.equals(key)) ?? key);
    this.#wanted = { keys, transmit: keys[copy.keys.indexOf(copy.transmit)] };
    for (const key of copy.keys) if (!keys.includes(key)) key.wipe();
    for (const key of keys) this.#keys.add(key);
    this.#rotated = rotated;
    for (const [peer, sas] of this.#peers) this.#unsettled.set(peer, sas);
    this.#forget();
    return RingOutcome.Accepted;
  }

  /**
   * Performs one step, peer by peer. Packets may pass between two steps, but no batch may be pending: flush it first.
   * @param nowSeconds the packets' clock, in seconds
   * @returns the step, or undefined if everything matches the ring
   */
  step(nowSeconds: number): RotationStep | undefined {
    this.#now = nowSeconds;
    const wanted = this.#wanted;
    if (wanted === undefined) return undefined;
    for (const [peer, sas] of this.#unsettled) {
      const step = sas.step(wanted);
      if (step !== undefined) {
        if (step.kind === StepKind.TxSwitch) this.#switch(peer, sas);
        return step;
      }
      this.#unsettled.delete(peer);
    }
    this.#forget();
    return undefined;
  }

  /**
   * Performs all pending steps.
   * @param nowSeconds the packets' clock, in seconds
   * @returns the number of steps
   */
  settle(nowSeconds: number): number {
    let steps = 0;
    while (this.step(nowSeconds) !== undefined) steps++;
    this.#reservations.topUp();
    return steps;
  }

  /**
   * Reports SAs that are ending or have ended, and reserves sequence numbers in advance. Call it about once per second.
   * @param nowSeconds the packets' clock, in seconds
   */
  poll(nowSeconds: number): void {
    checkSeconds(nowSeconds);
    this.#now = nowSeconds;
    this.#watch.poll(nowSeconds);
    this.#reservations.topUp();
  }

  /** Seconds until the SA to a peer ends at its current rate, as of the last `poll`; undefined if there is no SA. */
  secondsLeft(peer: number): number | undefined {
    const sa = this.#outbound[peer];
    return sa === undefined ? undefined : this.#watch.forecast(sa)?.secondsLeft;
  }

  /** Closes all SAs, persists their exact sequence numbers, closes the reservations and wipes all keys. */
  close(): void {
    for (const peer of [...this.#peers.keys()]) this.removePeer(peer);
    this.#reservations.closeAll();
    for (const key of this.#keys) key.wipe();
    this.#keys.clear();
    this.#wanted = undefined;
  }

  #switch(peer: number, sas: PeerSas): void {
    const before = this.#outbound[peer];
    if (before !== undefined) this.#watch.delete(before);
    const { current } = sas;
    this.#setOutbound(peer, current?.sa);
    if (current?.sa === undefined) return;
    this.#watch.add(current.sa, peer, current.key.tag, this.#now, this.#rotated);
  }

  /** Once all steps are done, wipes the keys that left the ring and drops their sequence numbers. */
  #forget(): void {
    const wanted = this.#wanted;
    if (wanted === undefined || wanted === this.#kept || this.#unsettled.size > 0) return;
    const { keys } = wanted;
    this.#kept = wanted;
    for (const key of this.#keys) {
      if (keys.includes(key)) continue;
      key.wipe();
      this.#keys.delete(key);
      this.#windows.delete(key);
    }
    // Keys newer than the ring may have records as well, from an earlier process: this ring was late.
    const oldest = keys[0].tag;
    this.#reservations.forget((name) => tagOf(name) < oldest);
  }

  readonly #maker = {
    addInbound: (peer: number, address: Uint8Array, key: ClusterKey): InboundClaim | undefined => {
      const pair = this.#pair(key, address, this.#here);
      const spi = this.#spiOf(pair, peer);
      if (spi === 0) return undefined;
      const claim: InboundClaim = {
        spi,
        peer,
        tag: key.tag,
        make: () => {
          if (key.wiped) return undefined;
          const association = deriveSa(this.#profile, pair, this.#options.hkdf);
          const windows = this.#windows.get(key) ?? new Map<string, ReplayWindow>();
          const window = windows.get(association.source);
          const known = window === undefined ? {} : { window };
          const sa = new InboundSa(association, this.#aead, { created: this.#now, ...known });
          association.keymat.wipe();
          if (sa.window.size > 0) this.#windows.set(key, windows.set(association.source, sa.window));
          return sa;
        },
      };
      const before = this.#claims.add(claim);
      // In the Swarm profile, salt and key don't depend on the peer: with the same tag, one SA serves both.
      if (before !== undefined && !(this.#profile === Profile.Swarm && before.tag === claim.tag)) {
        this.#report(
          SaEventKind.SpiCollision,
          pair,
          peer,
          spi,
          `collides with that of peer ${before.peer}'s key ${before.tag}`,
        );
      }
      return claim;
    },
    deleteInbound: (claim: InboundClaim): void => this.#claims.delete(claim),
    openOutbound: (peer: number, address: Uint8Array, key: ClusterKey): OutboundSa | undefined => {
      const pair = this.#pair(key, this.#here, address);
      if (this.#spiOf(pair, peer) === 0) return undefined;
      const association = deriveSa(this.#profile, pair, this.#options.hkdf);
      const { limits } = this.#options;
      const limited = limits === undefined ? association : { ...association, limits };
      const sa = this.#reservations.open(limited, this.#recordName(key), this.#aead, this.#now);
      association.keymat.wipe();
      return sa;
    },
    closeOutbound: (sa: OutboundSa): void => {
      this.#watch.delete(sa);
      this.#reservations.close(sa);
    },
  };

  get #profile(): Profile {
    return this.#options.profile ?? Profile.Swarm;
  }

  #pair(key: ClusterKey, source: Uint8Array, destination: Uint8Array): PairKey {
    return { key, source, destination, spiForm: this.#options.spiForm ?? SpiForm.Mapped };
  }

  #spiOf(pair: PairKey, peer: number): number {
    const spi = deriveSpi(pair.source, pair.destination, pair.key.tag, pair.spiForm);
    if (spi === 0) this.#report(SaEventKind.NoSpi, pair, peer, 0, 'is 0, which is reserved: no SA is created');
    return spi;
  }

  /** The name of a key's sequence number record: the tag orders the keys, the fingerprint identifies the key. */
  #recordName(key: ClusterKey): string {
    const known = this.#recordNames.get(key);
    if (known !== undefined) return known;
    const name = `${key.tag}:${keyFingerprint(key, this.#options.hkdf)}`;
    this.#recordNames.set(key, name);
    return name;
  }

  #report(kind: SaEventKind, { key }: PairKey, peer: number, spi: number, text: string): void {
    const message = `the SPI of peer ${peer}'s key ${key.tag} ${text}`;
    this.#options.onEvent?.({ kind, peer, tag: key.tag, spi, text: message });
  }
}

function tagOf(name: string): number {
  return Number.parseInt(name, 10);
}
