import { learnedEndpointId } from '../../gossip/index.js';
import type { AttachedNetwork } from '../../join/index.js';
import type { SwarmVtep } from '../swarm-vtep.js';

/** How often to look whether new interfaces are there, in milliseconds: opening a device in a namespace takes several. */
const LOOK_MS = 50;

/** Attachments whose interfaces are being opened. */
export class OpeningInterfaces {
  readonly #opened: (attachment: AttachedNetwork) => void;
  /** By the endpoint's id in gossip. */
  readonly #attachments = new Map<string, AttachedNetwork>();
  #looking: NodeJS.Timeout | undefined;

  /** @param opened called once for each attachment whose interface is there */
  constructor(opened: (attachment: AttachedNetwork) => void) {
    this.#opened = opened;
  }

  add(swarm: SwarmVtep, endpoint: string, attachment: AttachedNetwork): void {
    this.#attachments.set(endpoint, attachment);
    this.#looking ??= setInterval(() => this.#look(swarm), LOOK_MS);
  }

  delete(endpoint: string): void {
    this.#attachments.delete(endpoint);
  }

  clear(): void {
    this.#attachments.clear();
    this.#stopLooking();
  }

  #look(swarm: SwarmVtep): void {
    const { ports } = swarm.vtep.node;
    for (const [endpoint, attachment] of this.#attachments) {
      if (!ports.has(learnedEndpointId(attachment.networkId, endpoint))) continue;
      this.#attachments.delete(endpoint);
      this.#opened(attachment);
    }
    if (this.#attachments.size === 0) this.#stopLooking();
  }

  #stopLooking(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }
}
