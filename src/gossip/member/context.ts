import { type Random } from '../random.js';
import { Awareness } from './awareness.js';
import { MemberCounts } from './counts.js';
import { type GossipEndpoint } from './endpoint.js';
import { type MemberOutput, type MemberUser } from './output.js';
import { type MemberParameters } from './parameters.js';
import { Peer } from './peer.js';
import { Peers } from './peers.js';

/** Versions in an `alive`: protocol 1 to 5, speaking 2, as Docker's members say. */
export const SWARM_VERSIONS: Uint8Array = Uint8Array.of(1, 5, 2, 0, 0, 0);

/** Who a member is. */
export interface MemberIdentity {
  /** Unique in the cluster; Docker takes 12 hexadecimal digits, new at each start of the engine. */
  readonly name: string;
  /** Where others reach it. */
  readonly endpoint: GossipEndpoint;
  /** Empty in a swarm. @default empty */
  readonly meta?: Uint8Array;
  /** @default {@link SWARM_VERSIONS} */
  readonly vsn?: Uint8Array;
}

/** What a member needs from outside. */
export interface MemberPorts {
  readonly random: Random;
  readonly output: MemberOutput;
  readonly user: MemberUser;
}

/** What the parts of a member share: who it is, whom it knows, how it behaves, its health and its counts. */
export class MemberContext {
  readonly self: Peer;
  readonly parameters: MemberParameters;
  readonly random: Random;
  readonly output: MemberOutput;
  readonly user: MemberUser;
  readonly peers: Peers;
  readonly awareness: Awareness;
  readonly counts = new MemberCounts();

  constructor(identity: MemberIdentity, parameters: MemberParameters, { random, output, user }: MemberPorts) {
    const { name, endpoint, meta = new Uint8Array(0), vsn = SWARM_VERSIONS } = identity;
    this.self = new Peer(name, endpoint, meta, vsn, 1);
    this.parameters = parameters;
    this.random = random;
    this.output = output;
    this.user = user;
    this.peers = new Peers(random);
    this.awareness = new Awareness(parameters.awarenessMaxMultiplier);
  }
}
