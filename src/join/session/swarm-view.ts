/** What the swarm says about itself and this node, kept up to date from a session's messages. */
import { type NodeBalancer, NodeBalancers } from '../attachment/node-balancers.js';
import { JoinError } from '../error.js';
import type { JoinEvent } from '../events.js';
import type { NodeIdentity } from '../identity/node-identity.js';
import type { ManagerList } from '../managers.js';
import { Availability, type SessionMessage } from '../messages.js';
import { copySwarmKeys, readSwarmKeys, replaceSwarmKeys, type SwarmKeys, wipeSwarmKeys } from './cluster-keys.js';

const AVAILABILITIES = ['active', 'pause', 'drain'] as const;
const DEFAULT_VXLAN_PORT = 4789;

/** Compares each message with the former one, and reports what changed. */
export class SwarmView {
  readonly #managers: ManagerList;
  readonly #emit: (event: JoinEvent) => void;
  readonly #balancers: NodeBalancers;
  #keys: SwarmKeys = { gossip: undefined, ipsec: undefined };
  #nodeText = '';

  /** @param managers which the messages replace */
  constructor(managers: ManagerList, emit: (event: JoinEvent) => void) {
    this.#managers = managers;
    this.#emit = emit;
    this.#balancers = new NodeBalancers((error) => emit({ kind: 'warning', error }));
  }

  /** The addresses of this node's load balancers. */
  get balancers(): readonly NodeBalancer[] {
    return this.#balancers.current;
  }

  /** Copies of the keys. */
  keys(): SwarmKeys {
    return copySwarmKeys(this.#keys);
  }

  /** Overwrites the keys with zeros. */
  wipe(): void {
    wipeSwarmKeys(this.#keys);
  }

  /**
   * Takes over a message.
   * @param address the manager's
   * @param save called if the managers changed, before that is reported
   * @throws JoinError `BAD_ANSWER` if it is about another node, or its keys can't be used
   */
  message({ node, managers, keys }: SessionMessage, identity: NodeIdentity, address: string, save: () => void): void {
    if (node?.id !== identity.nodeId) {
      throw new JoinError('BAD_ANSWER', `${address}: the manager registered another node`);
    }
    const next = replaceSwarmKeys(this.#keys, readSwarmKeys(keys));
    if (next !== this.#keys) {
      this.#keys = next;
      this.#emit({ kind: 'keys', keys: copySwarmKeys(next) });
    }
    if (this.#managers.update(managers.map(({ peer }) => peer?.addr ?? ''))) {
      save();
      this.#emit({ kind: 'managers', managers: this.#managers.known });
    }
    if (this.#balancers.update(node.attachments)) {
      this.#emit({ kind: 'balancers', balancers: this.#balancers.current });
    }
    const shown = {
      nodeId: identity.nodeId,
      clusterId: identity.clusterId,
      address: node.status?.addr ?? '',
      vxlanPort: node.vxlanUdpPort || DEFAULT_VXLAN_PORT,
      availability: AVAILABILITIES[node.spec?.availability ?? Availability.Active] ?? 'active',
      certificateExpires: identity.notAfter,
    };
    const text = JSON.stringify(shown);
    if (text !== this.#nodeText) this.#emit({ kind: 'node', node: shown });
    this.#nodeText = text;
  }
}
