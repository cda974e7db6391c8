import { randomBytes } from 'node:crypto';
import { isVtepError, type VtepError } from '../../error.js';
import type { AttachedNetwork, NodeBalancer } from '../../join/index.js';
import { formatAddress } from '../../overlay/index.js';
import type { OwnEndpoint } from '../swarm-options.js';
import type { SwarmVtep } from '../swarm-vtep.js';
import type { AttachmentInterfaces } from './joined-attachment.js';
import type { JoinedVtepEvent } from './joined-events.js';
import { addressBytes, type WantedNetwork, wantedNetworks } from './joined-networks.js';
import { OpeningInterfaces } from './opening-interfaces.js';

const ID_BYTES = 32;

/** A network that the VTEP is on. */
interface OnNetwork {
  /** Ids of its endpoints in gossip, by task. */
  readonly endpoints: Map<string, string>;
  balancer: string | undefined;
  /** What it was added with, apart from the load balancer. */
  readonly definition: string;
}

/** Networks and endpoints of a VTEP, which follow the attachments of its node. */
export class AttachedNetworks {
  readonly #name: string;
  readonly #interfaces: AttachmentInterfaces;
  readonly #emit: (event: JoinedVtepEvent) => void;
  readonly #on = new Map<string, OnNetwork>();
  readonly #refused = new Map<string, VtepError>();
  readonly #opening: OpeningInterfaces;

  /**
   * @param name of the node's endpoints in DNS
   * @param emit receives `attached` and `network-refused`
   */
  constructor(name: string, interfaces: AttachmentInterfaces, emit: (event: JoinedVtepEvent) => void) {
    this.#name = name;
    this.#interfaces = interfaces;
    this.#emit = emit;
    this.#opening = new OpeningInterfaces((attachment) =>
      emit({ kind: 'attached', attachment, ...interfaces.of(attachment) }),
    );
  }

  /** Why the VTEP isn't on a network, though the node is attached to it. */
  refusal(networkId: string): VtepError | undefined {
    return this.#refused.get(networkId);
  }

  /** Compares the networks that the VTEP is on with the attachments, and does what is missing. */
  update(swarm: SwarmVtep, attachments: readonly AttachedNetwork[], balancers: readonly NodeBalancer[]): void {
    const wanted = wantedNetworks(attachments, balancers);
    for (const id of [...this.#on.keys()]) if (!wanted.has(id)) this.#leave(swarm, id);
    for (const id of this.#refused.keys()) if (!wanted.has(id)) this.#refused.delete(id);
    for (const [id, one] of wanted) {
      try {
        this.#updateOne(swarm, id, one);
        this.#refused.delete(id);
      } catch (error) {
        if (!isVtepError(error)) throw error;
        this.#refuse(id, one, error);
      }
    }
  }

  /** Forgets all; the VTEP is closed. */
  clear(): void {
    this.#on.clear();
    this.#opening.clear();
  }

  #refuse(id: string, { attachments }: WantedNetwork, error: VtepError): void {
    const before = this.#refused.get(id);
    this.#refused.set(id, error);
    if (before?.message === error.message) return;
    for (const attachment of attachments) this.#emit({ kind: 'network-refused', attachment, error });
  }

  #leave(swarm: SwarmVtep, id: string): void {
    swarm.removeNetwork(id);
    for (const endpoint of this.#on.get(id)?.endpoints.values() ?? []) this.#opening.delete(endpoint);
    this.#on.delete(id);
  }

  #updateOne(swarm: SwarmVtep, id: string, { network, attachments }: WantedNetwork): void {
    const balancer = network.balancer === undefined ? undefined : formatAddress(network.balancer);
    const definition = JSON.stringify({ ...network, balancer: undefined });
    if (this.#on.get(id)?.definition !== definition) this.#leave(swarm, id);
    const present = this.#on.get(id);
    if (present === undefined) {
      const endpoints = attachments.map((attachment) => ({ attachment, endpoint: this.#endpoint(attachment) }));
      swarm.addNetwork({ ...network, endpoints: endpoints.map(({ endpoint }) => endpoint) });
      const ids = endpoints.map(({ attachment, endpoint }) => [attachment.taskId, endpoint.id] as const);
      this.#on.set(id, { definition, balancer, endpoints: new Map(ids) });
      for (const { attachment, endpoint } of endpoints) this.#opening.add(swarm, endpoint.id, attachment);
      return;
    }
    for (const [task, endpoint] of present.endpoints) {
      if (attachments.some(({ taskId }) => taskId === task)) continue;
      swarm.removeEndpoint(id, endpoint);
      this.#opening.delete(endpoint);
      present.endpoints.delete(task);
    }
    for (const attachment of attachments) {
      if (present.endpoints.has(attachment.taskId)) continue;
      const endpoint = swarm.addEndpoint(id, this.#endpoint(attachment));
      present.endpoints.set(attachment.taskId, endpoint);
      this.#opening.add(swarm, endpoint, attachment);
    }
    if (present.balancer !== balancer) {
      swarm.setBalancer(id, network.balancer);
      present.balancer = balancer;
    }
  }

  #endpoint(attachment: AttachedNetwork): OwnEndpoint & { readonly id: string } {
    const { device, netns } = this.#interfaces.of(attachment);
    return {
      // Like a restarted container's: peers may still have the entries of an earlier process.
      id: randomBytes(ID_BYTES).toString('hex'),
      name: this.#name,
      address: addressBytes(attachment.address),
      mac: attachment.mac,
      device,
      ...(netns === undefined ? {} : { netns }),
    };
  }
}
