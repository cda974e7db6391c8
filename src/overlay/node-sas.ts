/**
 * The SAs of one node with all others, made of the key ring: one of each key to receive with, one to send with. Peers and
 * rings come and go at any time; `step` takes one step at a time, between which packets pass.
 */
import type { Aead } from '../aead/aead.js';
import { InboundSa, type OutboundSa, type ReplayWindow, Sad, type SaLimits, SequenceLedger } from '../ipsec/index.js';
import { type InboundClaim, InboundClaims } from './inbound-claims.js';
import { keyFingerprint } from './key-fingerprint.js';
import type { ClusterKey, KeyRing } from './key-ring.js';
import { OutboundWatch } from './outbound-watch.js';
import { PeerSas, type RotationStep, StepKind, type WantedKeys } from './peer-sas.js';
import { deriveSa, type HkdfSha256, type PairKey, Profile } from './profile.js';
import { ROTATION_INTERVAL } from './rotation-schedule.js';
import { type SaEvent, SaEventKind } from './sa-event.js';
import { deriveSpi, SpiForm } from './spi.js';
import type { Topology } from './topology.js';

/** How SAs are made. */
export interface NodeSasOptions {
  readonly hkdf: HkdfSha256;
  /** Fills an array with random bytes, for the masks of the IVs: cryptographic ones where traffic is real. */
  readonly random: (bytes: Uint8Array) => void;
  /** Swarm's if not said. */
  readonly profile?: Profile;
  readonly spiForm?: SpiForm;
  /** When it begins, in seconds of the clock that packets go by. */
  readonly now?: number;
  /** Limits of each SA that sends. */
  readonly limits?: SaLimits;
  /** Where sequence numbers are kept across restarts, of this node alone; if none, new masks are drawn at each. */
  readonly ledger?: SequenceLedger;
  /** Seconds between two rotations, for the forecast of what ends before; 43,200. */
  readonly interval?: number;
  /** Told what runs out, stops or collides. */
  readonly onEvent?: (event: SaEvent) => void;
}

/** What is known of a ring besides its keys. */
export interface RingUpdateOptions {
  /**
   * Takes a ring that is older than the one that is held, too: for a cluster that was put back. SAs of keys that this node
   * has forgotten since begin anew, under new masks.
   */
  readonly force?: boolean;
  /** When the ring was made, in seconds of the clock that packets go by; now if not said. */
  readonly rotated?: number;
}

/** What became of a ring. */
export const RingOutcome = {
  /** Its steps are to be taken. */
  Taken: 'taken',
  /** It is the one that is held. */
  Same: 'same',
  /** It is older than the one that is held, and was not taken: a message that was late. */
  Stale: 'stale',
} as const;
export type RingOutcome = (typeof RingOutcome)[keyof typeof RingOutcome];

/** A node's SAs. */
export class NodeSas {
  /** SAs to receive with. */
  readonly inbound = new Sad<InboundSa>();
  readonly #here: Uint8Array;
  readonly #aead: Aead;
  readonly #options: NodeSasOptions;
  readonly #ledger: SequenceLedger;
  readonly #claims = new InboundClaims(this.inbound);
  readonly #watch: OutboundWatch;
  /** Replay windows by key and peer's address: a peer that comes back finds its packets known. */
  readonly #windows = new Map<ClusterKey, Map<string, ReplayWindow>>();
  readonly #recordNames = new WeakMap<ClusterKey, string>();
  readonly #peers = new Map<number, PeerSas>();
  /** By peer: what to send with. */
  readonly #outbound: (OutboundSa | undefined)[] = [];
  /** Peers whose SAs may not be as wanted yet. */
  readonly #unsettled = new Map<number, PeerSas>();
  #wanted: WantedKeys | undefined;
  /** The keys that SAs may be of: those of the ring, and until all steps are taken those of the rings before it. */
  readonly #keys = new Set<ClusterKey>();
  /** The keys whose sequence numbers are kept. */
  #kept: WantedKeys | undefined;
  #now: number;
  /** When the last rotation was, as far as is known. */
  #rotated: number;

  /**
   * @param here address of this node's VTEP: 4 or 16 bytes
   * @param aead the cipher that takes the keys
   */
  constructor(here: Uint8Array, aead: Aead, options: NodeSasOptions) {
    this.#here = here.slice();
    this.#aead = aead;
    this.#options = options;
    this.#ledger = options.ledger ?? new SequenceLedger({ random: options.random });
    this.#now = options.now ?? 0;
    this.#rotated = this.#now;
    this.#watch = new OutboundWatch(options.interval ?? ROTATION_INTERVAL, (event) => options.onEvent?.(event));
  }

  /**
   * The SAs of a node of a topology with all its other nodes; peers have their places there as numbers.
   * @param topology with a key ring; without one there are no SAs
   * @param node place of this node in `topology.nodes`
   * @throws OverlayError `KEY_WIPED`; IpsecError for options that no SA can have
   */
  static ofTopology(topology: Topology, node: number, aead: Aead, options: NodeSasOptions): NodeSas {
    const { nodes, ring, profile } = topology;
    const sas = new NodeSas(nodes[node].vtep, aead, { profile, ...options });
    nodes.forEach(({ vtep }, place) => {
      if (place !== node) sas.addPeer(place, vtep);
    });
    if (ring !== undefined) sas.update(ring, options.now ?? 0);
    sas.settle(options.now ?? 0);
    return sas;
  }

  /** Tags of the keys that it goes by. */
  get tags(): readonly number[] {
    return this.#wanted?.keys.map(({ tag }) => tag) ?? [];
  }

  /** The SA to send to a peer with, or undefined. */
  outbound(peer: number): OutboundSa | undefined {
    return this.#outbound[peer];
  }

  /** How many SAs a peer has to receive and to send with: 3 and 1 between rotations. */
  counts(peer: number): { readonly rx: number; readonly tx: number } {
    return this.#peers.get(peer)?.counts ?? { rx: 0, tx: 0 };
  }

  /**
   * Takes a peer in; its SAs come with the next steps. One of the other IP version gets none.
   * @param peer its number, from 0 on; one that is held is let be
   * @param address of its VTEP: 4 or 16 bytes
   */
  addPeer(peer: number, address: Uint8Array): void {
    if (this.#peers.has(peer) || address.length !== this.#here.length) return;
    const sas = new PeerSas(peer, address, this.#maker);
    this.#peers.set(peer, sas);
    this.#unsettled.set(peer, sas);
  }

  /** Lets a peer go, with its SAs. One that isn't held is let be. */
  removePeer(peer: number): void {
    this.#peers.get(peer)?.close();
    this.#peers.delete(peer);
    this.#unsettled.delete(peer);
    this.#outbound[peer] = undefined;
    this.#forget();
  }

  /**
   * Takes a ring's keys over; the steps are taken by `step` or `settle`. A ring may come at any time, twice, or several
   * rotations ahead.
   * @param ring its keys are copied
   * @param now seconds of the clock that packets go by
   * @throws OverlayError `KEY_WIPED`
   */
  update(ring: KeyRing, now: number, options: RingUpdateOptions = {}): RingOutcome {
    const { force = false, rotated = now } = options;
    this.#now = now;
    const held = this.#wanted?.keys ?? [];
    const newest = ring.keys[ring.keys.length - 1];
    if (!force && held.length > 0 && newest.tag < held[held.length - 1].tag) return RingOutcome.Stale;
    if (held.length === ring.keys.length && held.every((key, i) => key.equals(ring.keys[i]))) return RingOutcome.Same;
    const copy = ring.copy();
    // A key is known by its object: one that SAs may still be of must stay the same, also where a ring is put back.
    const keys = copy.keys.map((key) => [...this.#keys].find((before) => before.equals(key)) ?? key);
    this.#wanted = { keys, transmit: keys[copy.keys.indexOf(copy.transmit)] };
    for (const key of copy.keys) if (!keys.includes(key)) key.wipe();
    for (const key of keys) this.#keys.add(key);
    this.#rotated = rotated;
    for (const [peer, sas] of this.#peers) this.#unsettled.set(peer, sas);
    this.#forget();
    return RingOutcome.Taken;
  }

  /**
   * Takes one step, of one peer after the other. Packets may pass between two steps, but none may be in a batch that was
   * pushed and not flushed.
   * @param now seconds of the clock that packets go by
   * @returns what it was, or undefined if all is as the ring says
   */
  step(now: number): RotationStep | undefined {
    this.#now = now;
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
   * Takes all steps that there are.
   * @returns how many
   */
  settle(now: number): number {
    let steps = 0;
    while (this.step(now) !== undefined) steps++;
    this.#ledger.topUp();
    return steps;
  }

  /** Tells what is about to end or has ended, and has sequence numbers written down ahead. Call it once a second or so. */
  poll(now: number): void {
    this.#now = now;
    this.#watch.poll(now);
    this.#ledger.topUp();
  }

  /** Seconds that the SA to a peer will last at its present rate, as of the last `poll`; undefined if there is none. */
  secondsLeft(peer: number): number | undefined {
    const sa = this.#outbound[peer];
    return sa === undefined ? undefined : this.#watch.forecast(sa)?.secondsLeft;
  }

  /** Wipes all keys, and has it written down where the sequence numbers stand: the ledger is at its end, too. */
  close(): void {
    for (const peer of [...this.#peers.keys()]) this.removePeer(peer);
    this.#ledger.closeAll();
    for (const key of this.#keys) key.wipe();
    this.#keys.clear();
    this.#wanted = undefined;
  }

  #switch(peer: number, sas: PeerSas): void {
    const before = this.#outbound[peer];
    if (before !== undefined) this.#watch.delete(before);
    const { current } = sas;
    this.#outbound[peer] = current?.sa;
    if (current?.sa === undefined) return;
    this.#watch.add(current.sa, peer, current.key.tag, this.#now, this.#rotated);
  }

  /** Once all is as wanted, the keys that are gone from the ring are wiped, and their sequence numbers need not be kept. */
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
    // Keys that are newer than the ring may have records, too: a process before had them, and this ring came late.
    const oldest = keys[0].tag;
    this.#ledger.forget((name) => tagOf(name) < oldest);
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
      // Swarm's salt is the SPI and its key everybody's: with one tag, one SA serves both.
      if (before !== undefined && !(this.#profile === Profile.Swarm && before.tag === claim.tag)) {
        this.#tell(SaEventKind.SpiTaken, pair, peer, spi, `is that of peer ${before.peer}'s key ${before.tag} too`);
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
      const sa = this.#ledger.open(limited, this.#recordName(key), this.#aead, this.#now);
      association.keymat.wipe();
      return sa;
    },
    closeOutbound: (sa: OutboundSa): void => {
      this.#watch.delete(sa);
      this.#ledger.close(sa);
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
    if (spi === 0) this.#tell(SaEventKind.NoSpi, pair, peer, 0, 'is 0, which is none: no SA is made');
    return spi;
  }

  /**
   * What a key's sequence numbers are kept under: the tag says which keys came before it, the fingerprint which key it is.
   */
  #recordName(key: ClusterKey): string {
    const known = this.#recordNames.get(key);
    if (known !== undefined) return known;
    const name = `${key.tag}:${keyFingerprint(key, this.#options.hkdf)}`;
    this.#recordNames.set(key, name);
    return name;
  }

  #tell(kind: SaEventKind, { key }: PairKey, peer: number, spi: number, text: string): void {
    const said = `the SPI of peer ${peer}'s key ${key.tag} ${text}`;
    this.#options.onEvent?.({ kind, peer, tag: key.tag, spi, text: said });
  }
}

function tagOf(name: string): number {
  return Number.parseInt(name, 10);
}
