import { gossipBytes } from '../message-size.js';
import { EntryEvent, GossipType, type TableEvent } from '../wire/messages.js';
import { type DbContext } from './context.js';
import { type Entry } from './db-node.js';
import { type EarlyEvents } from './early-events.js';
import { type Entries } from './entries.js';
import { type Network } from './network.js';
import { type Networks } from './networks.js';
import { type Nodes } from './nodes.js';
import { isLasting, residualSeconds } from './residual-time.js';

/** Changes of entries: this node's are published, others' are stored and passed on, and wrong ones are refuted. */
export class TableEvents {
  readonly #context: DbContext;
  readonly #networks: Networks;
  readonly #entries: Entries;
  readonly #nodes: Nodes;
  readonly #early: EarlyEvents;

  constructor(context: DbContext, networks: Networks, entries: Entries, nodes: Nodes, early: EarlyEvents) {
    this.#context = context;
    this.#networks = networks;
    this.#entries = entries;
    this.#nodes = nodes;
    this.#early = early;
  }

  /** Takes another node's event, and passes it on if it is news. */
  receive(event: TableEvent, isBulkSync: boolean, now: number): void {
    const network = this.#networks.get(event.networkId);
    const own = network?.own;
    if (network === undefined || own === undefined || own.leaving) {
      this.#context.counts.foreignNetworks += 1;
      return;
    }
    // Nearly always nothing new.
    if (network.hasHeard(event)) {
      this.#context.counts.staleEvents += 1;
      return;
    }
    const { name, parameters, counts, tableClock } = this.#context;
    const old = network.get(event.tableName, event.key);
    if (old !== undefined && old.event.lTime >= event.lTime) {
      counts.staleEvents += 1;
      return;
    }
    if (!this.#context.witness(tableClock, event.lTime)) return;
    if (event.nodeName === name) {
      if (parameters.refuteOwnEntries && own.inSync) this.#refute(network, old, event, now);
      return;
    }
    const attachment = network.attachments.get(event.nodeName);
    if (attachment === undefined || attachment.leaving) {
      counts.unknownOwners += 1;
      // One that has left may still be heard of.
      if (attachment === undefined) this.#early.keep(event, now);
      return;
    }
    if (!this.#entries.store(network, old, event, attachment.node, isBulkSync, now)) return;
    if (!own.inSync || (isBulkSync && own.relays.length > parameters.maxQueuedOnSync)) return;
    if (old === undefined && event.event === EntryEvent.Delete) {
      if (!isBulkSync || !isLasting(event, parameters.reapEntryTime)) return;
    }
    own.relays.push(queueKey(event), event, gossipBytes(event));
  }

  /** Takes the events of a node that is now known to be on a network. */
  attached(networkId: string, nodeName: string, now: number): void {
    for (const event of this.#early.ofOwner(networkId, nodeName, now)) this.receive(event, false, now);
  }

  /** Makes a change of this node, and passes it on. */
  publish(network: Network, change: EntryEvent, tableName: string, key: string, value: Uint8Array, now: number): void {
    const { name, parameters, tableClock } = this.#context;
    const { self } = this.#nodes;
    const { own } = network;
    if (self === undefined || own === undefined) return;
    const event: TableEvent = {
      type: GossipType.TableEvent,
      event: change,
      lTime: tableClock.increment(),
      nodeName: name,
      networkId: network.id,
      tableName,
      key,
      value,
      residualReapTime: change === EntryEvent.Delete ? residualSeconds(parameters.reapEntryTime) : 0,
    };
    if (this.#entries.store(network, network.get(tableName, key), event, self, true, now)) {
      own.broadcasts.push(queueKey(event), event, gossipBytes(event));
    }
  }

  /** Empties the tables of a network that this node leaves: others' entries are forgotten, its own deleted. */
  abandon(network: Network, now: number): void {
    const { name, parameters, tableClock } = this.#context;
    const { reapEntryTime } = parameters;
    for (const table of [...network.tables.values()]) {
      for (const entry of [...table.values()]) {
        const { event, owner, isVisible } = entry;
        if (owner.name !== name) {
          this.#entries.remove(network, entry);
        } else if (!entry.isDeleted) {
          const lTime = tableClock.increment();
          const deletion = {
            ...event,
            event: EntryEvent.Delete,
            lTime,
            residualReapTime: residualSeconds(reapEntryTime),
          };
          entry.change(deletion, owner, now + reapEntryTime);
          network.tombstones.add(entry);
        }
        if (isVisible) this.#entries.reportDeleted(event, owner);
      }
    }
  }

  /** Others have an entry of this node in a state that it doesn't have, or no longer has. */
  #refute(network: Network, old: Entry | undefined, event: TableEvent, now: number): void {
    const { tableName, key } = event;
    if (old !== undefined && old.owner.name !== this.#context.name) return;
    if (old === undefined || old.isDeleted) {
      if (event.event === EntryEvent.Delete) return;
      this.publish(network, EntryEvent.Delete, tableName, key, event.value, now);
    } else {
      this.publish(network, EntryEvent.Update, tableName, key, old.event.value, now);
    }
    this.#context.counts.refutedEntries += 1;
  }
}

function queueKey({ tableName, key }: TableEvent): string {
  return `${tableName}/${key}`;
}
