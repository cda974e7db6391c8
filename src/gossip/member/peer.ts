import { NodeState, type PushNodeState } from '../wire/messages.js';
import { type GossipEndpoint } from './endpoint.js';
import { type Suspicion } from './suspicion.js';

/** A member as another one knows it, itself included. */
export class Peer {
  readonly name: string;
  #endpoint: GossipEndpoint;
  #meta: Uint8Array | undefined;
  #vsn: Uint8Array;
  #incarnation: number;
  #state: NodeState = NodeState.Dead;
  #record: PushNodeState | undefined;
  /** When the state changed last. */
  stateChange = 0;
  /** Defined while it is suspected, and perhaps after. */
  suspicion: Suspicion | undefined;
  /** Whether it is in its owner's list of suspects. */
  isListed = false;
  /** Successive probes that it answered over TCP only, up to the latest one. */
  streamOnlyProbes = 0;
  /** Successive probes that it answered only through other members, up to the latest one. */
  relayedProbes = 0;
  /** Probes that it answered directly, over UDP. */
  directProbes = 0;
  /** When an accusation was last passed on because of a stale `alive`. */
  accusedAt = -Infinity;

  constructor(
    name: string,
    endpoint: GossipEndpoint,
    meta: Uint8Array | undefined,
    vsn: Uint8Array,
    incarnation: number,
  ) {
    this.name = name;
    this.#endpoint = endpoint;
    this.#meta = meta;
    this.#vsn = vsn;
    this.#incarnation = incarnation;
  }

  get endpoint(): GossipEndpoint {
    return this.#endpoint;
  }

  get meta(): Uint8Array | undefined {
    return this.#meta;
  }

  /** Versions: protocol min, max, current; delegate min, max, current. */
  get vsn(): Uint8Array {
    return this.#vsn;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  set incarnation(incarnation: number) {
    this.#incarnation = incarnation;
    this.#record = undefined;
  }

  get state(): NodeState {
    return this.#state;
  }

  get isGone(): boolean {
    return this.#state >= NodeState.Dead;
  }

  /** Highest protocol version that it understands. */
  get protocolMax(): number {
    return this.#vsn[1];
  }

  /** Changes its state. @param now seconds */
  become(state: NodeState, now: number): void {
    this.#state = state;
    this.stateChange = now;
    this.#record = undefined;
  }

  /** Changes what it says about itself. */
  describe(endpoint: GossipEndpoint, meta: Uint8Array | undefined, vsn: Uint8Array): void {
    this.#endpoint = endpoint;
    this.#meta = meta;
    this.#vsn = vsn;
    this.#record = undefined;
  }

  /** What a push/pull says about it. */
  get record(): PushNodeState {
    return (this.#record ??= {
      name: this.name,
      addr: this.#endpoint.addr,
      port: this.#endpoint.port,
      meta: this.#meta,
      incarnation: this.#incarnation,
      state: this.#state,
      vsn: this.#vsn,
    });
  }
}
