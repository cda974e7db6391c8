import { GOSSIP_HEADER_BYTES, GOSSIP_PART_BYTES } from '../message-size.js';
import { type Peer } from '../member/peer.js';
import { nextTick } from '../ticker.js';
import { type UserData } from '../user-data.js';
import { GossipType, type TableEvent } from '../wire/messages.js';
import { type Cluster } from './cluster.js';
import { type DbContext } from './context.js';
import { type DbNode } from './db-node.js';
import { type Networks } from './networks.js';

/** Passes table events on among the nodes of each network. */
export class TableGossip {
  /** When {@link advance} is due. */
  nextDeadline = Infinity;
  readonly #context: DbContext;
  readonly #networks: Networks;
  readonly #picked: DbNode[] = [];
  readonly #receivers: Peer[] = [];
  #cluster: Cluster | undefined;

  constructor(context: DbContext, networks: Networks) {
    this.#context = context;
    this.#networks = networks;
  }

  start(cluster: Cluster, now: number): void {
    const { parameters, random } = this.#context;
    this.#cluster = cluster;
    this.nextDeadline = now + parameters.gossipInterval * (0.001 + random());
  }

  /** Does what is due. */
  advance(now: number): void {
    if (now < this.nextDeadline) return;
    this.nextDeadline = nextTick(this.nextDeadline, this.#context.parameters.gossipInterval, now);
    this.#gossip();
  }

  #gossip(): void {
    const { parameters, random } = this.#context;
    const { packetBytes, packetOverhead, gossipNodes, catchUp } = parameters;
    for (const network of this.#networks.values()) {
      const { own } = network;
      if (own === undefined || own.broadcasts.length + own.relays.length === 0) continue;
      this.#picked.length = 0;
      network.pick(gossipNodes, random, this.#picked);
      if (this.#picked.length === 0 && catchUp) continue;
      const events: TableEvent[] = [];
      const limit = packetBytes - packetOverhead - GOSSIP_HEADER_BYTES;
      const used = own.broadcasts.take(GOSSIP_PART_BYTES, limit, network.size, events);
      if (own.relays !== own.broadcasts) own.relays.take(GOSSIP_PART_BYTES, limit - used, network.size, events);
      if (events.length === 0) continue;
      const message: UserData = { type: GossipType.Compound, events };
      this.#receivers.length = 0;
      for (const { peer } of this.#picked) this.#receivers.push(peer);
      this.#cluster?.sendUser(this.#receivers, message);
    }
  }
}
