/** What gossip says about a cluster: merged as members merge it, and every change once. */
import {
  decodeEndpointRecord,
  decodePeerRecord,
  EntryEvent,
  type EndpointTableRecord,
  type GossipMessage,
  GossipType,
  isFault,
  isIngressBalancer,
  type MemberMessage,
  MembershipEvent,
  MessageType,
  type NetworkEntry,
  NodeState,
  peerEndpointOf,
  type PeerTableRecord,
  type TableEvent,
  TableName,
} from '../../gossip/index.js';
import { formatMac, macOfIpv4 } from '../../wire/index.js';
import { shortened } from '../services/task-text.js';

/** Maximum number of bytes of all records that are kept, so that a forged flood of large ones stays bounded. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;
/** Longest text about an event. */
const MAX_TEXT = 256;

/** How something was learned. */
export type GossipVia = 'gossip' | 'bulk sync' | 'push/pull';

/** A node. */
export interface MemberState {
  readonly name: string;
  addr: Uint8Array | undefined;
  port: number;
  state: NodeState;
  incarnation: number;
}

/** An entry of a table. */
export interface EntryState {
  readonly table: string;
  readonly network: string;
  readonly key: string;
  readonly owner: string;
  readonly lTime: number;
  readonly deleted: boolean;
  /** Length of its record. */
  readonly bytes: number;
  readonly peer: PeerTableRecord | undefined;
  readonly endpoint: EndpointTableRecord | undefined;
}

/** A node on a network, or no longer on it. */
export interface Attachment {
  readonly network: string;
  readonly node: string;
  readonly lTime: number;
  readonly leaving: boolean;
}

/** A change. */
export interface StateChange {
  readonly event: string;
  readonly node: string;
  readonly network?: string;
  readonly table?: string;
  readonly key?: string;
  readonly lTime?: number;
  readonly text: string;
}

const STATE_NAMES = ['alive', 'suspect', 'dead', 'left'] as const;
const EVENT_NAMES = ['', 'create', 'update', 'delete'] as const;

/** The name of a member's state. */
export function stateName(state: NodeState): string {
  return STATE_NAMES[state];
}

/** A cluster as its gossip describes it, in bounded memory. */
export class GossipState {
  readonly members = new Map<string, MemberState>();
  /** By network and node. */
  readonly attachments = new Map<string, Attachment>();
  /** By table, network and key. */
  readonly entries = new Map<string, EntryState>();
  /** What didn't fit. */
  unlisted = 0;
  /** By node: the Lamport time of its last event about the cluster, and whether it left. */
  readonly #nodeTimes = new Map<string, number>();
  readonly #maxRows: number;
  #recordBytes = 0;
  readonly #changed: (change: StateChange, via: GossipVia) => void;

  /** @param changed called once for each change */
  constructor(maxRows: number, changed: (change: StateChange, via: GossipVia) => void) {
    this.#maxRows = maxRows;
    this.#changed = changed;
  }

  /** Adds a message of memberlist; what NetworkDB has in it is added by `addGossip`. */
  addMember(message: MemberMessage): void {
    switch (message.type) {
      case MessageType.Alive:
        this.#member(message.node, NodeState.Alive, message.incarnation, 'gossip', message.addr, message.port);
        break;
      case MessageType.Suspect:
        this.#member(message.node, NodeState.Suspect, message.incarnation, 'gossip', undefined, 0, message.from);
        break;
      case MessageType.Dead: {
        const { node, from, incarnation } = message;
        const state = from === node ? NodeState.Left : NodeState.Dead;
        this.#member(node, state, incarnation, 'gossip', undefined, 0, from);
        break;
      }
      case MessageType.PushPull:
        for (const { name, state, incarnation, addr, port } of message.nodes) {
          this.#member(name, state, incarnation, 'push/pull', addr, port);
        }
    }
  }

  /** Adds a message of NetworkDB. */
  addGossip(message: GossipMessage, via: GossipVia): void {
    switch (message.type) {
      case GossipType.NodeEvent: {
        const { nodeName, lTime, event } = message;
        if (!this.#isNew(this.#nodeTimes, this.#nodeTimes.get(nodeName), lTime)) return;
        this.#nodeTimes.set(nodeName, lTime);
        const joins = event === MembershipEvent.Join;
        this.#changed({ event: joins ? 'join-cluster' : 'leave-cluster', node: nodeName, lTime, text: '' }, via);
        break;
      }
      case GossipType.NetworkEvent:
        this.#attach({ ...message, leaving: message.event === MembershipEvent.Leave }, via);
        break;
      case GossipType.PushPull:
        for (const entry of message.networks) this.#attach(entry, 'push/pull');
        break;
      case GossipType.TableEvent:
        this.#entry(message, via);
    }
  }

  /** Whether something is newer than what is known; if it is unknown, whether there is room for it. */
  #isNew(table: ReadonlyMap<string, unknown>, known: number | undefined, lTime: number): boolean {
    if (known !== undefined) return lTime > known;
    if (table.size < this.#maxRows) return true;
    this.unlisted++;
    return false;
  }

  /** As memberlist: alive needs a higher incarnation than what it replaces, the others one that isn't lower. */
  #member(
    name: string,
    state: NodeState,
    incarnation: number,
    via: GossipVia,
    addr?: Uint8Array,
    port = 0,
    by?: string,
  ): void {
    const known = this.members.get(name);
    if (known === undefined) {
      if (this.members.size >= this.#maxRows) {
        this.unlisted++;
        return;
      }
      this.members.set(name, { name, addr, port, state, incarnation });
    } else {
      if (addr !== undefined && (known.addr === undefined || incarnation > known.incarnation)) {
        known.addr = addr;
        known.port = port;
      }
      const wins = state === NodeState.Alive ? incarnation > known.incarnation : incarnation >= known.incarnation;
      if (!wins || (state === known.state && incarnation === known.incarnation)) return;
      // A dead or left node stays so at the same incarnation.
      if (incarnation === known.incarnation && state < known.state) return;
      known.state = state;
      known.incarnation = incarnation;
    }
    const text =
      by === undefined || by === name ? `incarnation ${incarnation}` : `incarnation ${incarnation}, by ${by}`;
    this.#changed({ event: stateName(state), node: name, text }, via);
  }

  #attach({ networkId: network, nodeName: node, lTime, leaving }: NetworkEntry, via: GossipVia): void {
    const key = `${network}\0${node}`;
    const known = this.attachments.get(key);
    if (!this.#isNew(this.attachments, known?.lTime, lTime)) return;
    this.attachments.set(key, { network, node, lTime, leaving });
    // Members raise the times of networks that nothing happened to.
    if (known?.leaving === leaving) return;
    this.#changed({ event: leaving ? 'leave-network' : 'join-network', node, network, lTime, text: '' }, via);
  }

  #entry(event: TableEvent, via: GossipVia): void {
    const { tableName: table, networkId: network, key, nodeName: owner, lTime, value } = event;
    const name = `${table}\0${network}\0${key}`;
    const known = this.entries.get(name);
    if (!this.#isNew(this.entries, known?.lTime, lTime)) return;
    const bytes = this.#recordBytes - (known?.bytes ?? 0) + value.length;
    if (bytes > MAX_RECORD_BYTES) {
      this.unlisted++;
      return;
    }
    this.#recordBytes = bytes;
    const peer = table === TableName.Peers ? decodePeerRecord(value) : undefined;
    const endpoint = table === TableName.Endpoints ? decodeEndpointRecord(value) : undefined;
    const entry: EntryState = {
      table,
      network,
      key,
      owner,
      lTime,
      deleted: event.event === EntryEvent.Delete,
      bytes: value.length,
      peer: peer === undefined || isFault(peer) ? undefined : peer,
      endpoint: endpoint === undefined || isFault(endpoint) ? undefined : endpoint,
    };
    this.entries.set(name, entry);
    const change = { event: EVENT_NAMES[event.event], node: owner, network, table, key, lTime };
    this.#changed({ ...change, text: entryText(entry).slice(0, MAX_TEXT) }, via);
  }

  /** Whether a node is in the cluster, as far as is known. */
  isPresent(node: string): boolean {
    const state = this.members.get(node)?.state;
    return state !== NodeState.Dead && state !== NodeState.Left;
  }

  /** Ids of the networks on which a node's load balancer has a record of the ingress network. */
  ingressNetworks(): ReadonlySet<string> {
    const found = new Set<string>();
    for (const { endpoint, network } of this.entries.values()) {
      if (endpoint !== undefined && isIngressBalancer(endpoint)) found.add(network);
    }
    return found;
  }
}

/** What an entry says, for people. The MAC is left out if it is the one that Docker derives from the address. */
function entryText({ peer, endpoint }: EntryState): string {
  if (peer !== undefined) {
    const { endpointIp, endpointMac, tunnelEndpointIp } = peer;
    const found = peerEndpointOf(peer);
    const derived =
      !isFault(found) && found.address.length === 4 && formatMac(macOfIpv4(found.address)) === endpointMac;
    return `peer ${endpointIp}${derived ? '' : ` ${endpointMac}`} at ${tunnelEndpointIp}`;
  }
  if (endpoint === undefined) return 'a record that is not known';
  const { name, endpointIp, serviceDisabled, serviceName, virtualIp } = endpoint;
  const vip = serviceName !== '' && virtualIp !== '' && virtualIp !== '<nil>' ? `, VIP ${virtualIp}` : '';
  return `${shortened(name)} ${endpointIp}${vip}${serviceDisabled ? ', disabled' : ''}`;
}
