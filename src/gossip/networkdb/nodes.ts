import { type GossipEndpoint } from '../member/endpoint.js';
import { type Peer } from '../member/peer.js';
import { NodeState } from '../wire/messages.js';
import { type DbContext } from './context.js';
import { DbNode, NodeStatus, endpointKey } from './db-node.js';
import { type Entries } from './entries.js';
import { type Networks } from './networks.js';

/** The nodes of the cluster, this one included: who is there, and who takes whose place. */
export class Nodes {
  /** Failed nodes, which are tried again. */
  readonly failed: DbNode[] = [];
  readonly #context: DbContext;
  readonly #networks: Networks;
  readonly #entries: Entries;
  readonly #byName = new Map<string, DbNode>();
  readonly #byEndpoint = new Map<number | string, DbNode>();
  #active = 0;

  constructor(context: DbContext, networks: Networks, entries: Entries) {
    this.#context = context;
    this.#networks = networks;
    this.#entries = entries;
  }

  /** Active nodes, this one included. */
  get active(): number {
    return this.#active;
  }

  /** This node, once it has started. */
  get self(): DbNode | undefined {
    return this.#byName.get(this.#context.name);
  }

  get(name: string): DbNode | undefined {
    return this.#byName.get(name);
  }

  /** The node at an address. */
  at(endpoint: GossipEndpoint): DbNode | undefined {
    return this.#byEndpoint.get(endpointKey(endpoint));
  }

  values(): IterableIterator<DbNode> {
    return this.#byName.values();
  }

  /** A member joined, or came back. */
  joined(peer: Peer, now: number): void {
    const known = this.#byName.get(peer.name);
    const { counts, parameters } = this.#context;
    if (this.#isFormerSelf(peer)) {
      // Not one to displace this node, nor to be on networks.
      if (known !== undefined || this.#byName.size >= parameters.maxNodes) return;
      const former = new DbNode(peer);
      former.status = NodeStatus.Left;
      former.reapAt = now + parameters.reapNodeTime;
      this.#byName.set(peer.name, former);
      return;
    }
    if (known !== undefined) {
      this.#byEndpoint.delete(endpointKey(known.peer.endpoint));
      known.peer = peer;
      this.#replaceAt(known, now);
      if (known.status === NodeStatus.Active) return;
      this.#forgetFailure(known);
      known.status = NodeStatus.Active;
      known.reapAt = Infinity;
      this.#active += 1;
      this.#entries.reportShown(known);
      return;
    }
    if (this.#byName.size >= parameters.maxNodes) {
      counts.refusedNodes += 1;
      return;
    }
    const node = new DbNode(peer);
    this.#replaceAt(node, now);
    this.#byName.set(peer.name, node);
    this.#active += 1;
  }

  /** A member left or failed. */
  gone(peer: Peer, now: number): void {
    const node = this.#byName.get(peer.name);
    if (node?.status !== NodeStatus.Active) return;
    this.end(node, peer.state === NodeState.Left ? NodeStatus.Left : NodeStatus.Failed, now);
    // If stale news of this node had displaced its successor, that one is back.
    const { displaced } = node;
    node.displaced = undefined;
    if (displaced !== undefined && !displaced.peer.isGone && this.#byName.has(displaced.name)) {
      this.joined(displaced.peer, now);
    }
  }

  /** Takes a node for one that left or failed. */
  end(node: DbNode, status: NodeStatus, now: number): void {
    const { failedOwner, reapNodeTime } = this.#context.parameters;
    const wasActive = node.status === NodeStatus.Active;
    if (wasActive) this.#active -= 1;
    else this.#forgetFailure(node);
    const isKept = status === NodeStatus.Failed && failedOwner === 'hide';
    if (wasActive) this.#entries.reportHidden(node);
    node.status = status;
    if (node.reapAt === Infinity) node.reapAt = now + reapNodeTime;
    if (!isKept) this.#entries.removeOf(node);
    if (status === NodeStatus.Failed) this.failed.push(node);
    if (status === NodeStatus.Left || failedOwner === 'detach') this.#networks.detach(node);
  }

  /** Forgets a node and all that it had. */
  forget(node: DbNode): void {
    this.#forgetFailure(node);
    this.#entries.removeOf(node);
    this.#networks.detach(node);
    this.#byName.delete(node.name);
    const key = endpointKey(node.peer.endpoint);
    if (this.#byEndpoint.get(key) === node) this.#byEndpoint.delete(key);
  }

  /** Whether a member is this one's address under another name: what was there before a restart. */
  #isFormerSelf({ name, endpoint }: Peer): boolean {
    return name !== this.#context.name && this.at(endpoint)?.name === this.#context.name;
  }

  /** A member at the address of another one has taken its place. */
  #replaceAt(node: DbNode, now: number): void {
    const key = endpointKey(node.peer.endpoint);
    const other = this.#byEndpoint.get(key);
    if (other !== undefined && other !== node && other.status !== NodeStatus.Left) {
      if (other.status === NodeStatus.Active) node.displaced = other;
      this.end(other, NodeStatus.Left, now);
    }
    this.#byEndpoint.set(key, node);
  }

  #forgetFailure(node: DbNode): void {
    const at = this.failed.indexOf(node);
    if (at >= 0) this.failed.splice(at, 1);
  }
}
