/** Attachments of a joined VTEP, with the interfaces of their endpoints. */
import type { AttachedNetwork, AttachmentRequest } from '../../join/index.js';
import { isInterfaceName } from '../../overlay/internal.js';

/** What to attach to, and the interface for it. */
export interface JoinedAttachment extends AttachmentRequest {
  /**
   * Name of the interface.
   * @default `vt-` and the network's name, shortened to 15 characters
   */
  readonly device?: string;
  /**
   * Its network namespace: an `ip netns` name or a path.
   * @default this process's
   */
  readonly netns?: string;
}

/** An interface. */
export interface AttachmentInterface {
  readonly device: string;
  readonly netns: string | undefined;
}

const PREFIX = 'vt-';
/** Longest name of an interface. */
const MAX_NAME = 15;

/** Chooses the interfaces of attachments: no two of a namespace have the same name. */
export class AttachmentInterfaces {
  readonly #requests: readonly JoinedAttachment[];
  readonly #chosen = new Map<string, AttachmentInterface>();

  constructor(requests: readonly JoinedAttachment[]) {
    this.#requests = requests;
  }

  /** The interface of an attachment, the same each time. */
  of({ request, networkName }: AttachedNetwork): AttachmentInterface {
    const key = keyOf(request);
    const before = this.#chosen.get(key);
    if (before !== undefined) return before;
    const { device, netns } = this.#requests.find((one) => keyOf(one) === key) ?? {};
    const chosen = { device: device ?? this.#free(networkName, netns), netns };
    this.#chosen.set(key, chosen);
    return chosen;
  }

  #free(network: string, netns: string | undefined): string {
    const taken = new Set([
      ...[...this.#chosen.values()].filter((one) => one.netns === netns).map(({ device }) => device),
      ...this.#requests.filter((one) => one.netns === netns).map(({ device }) => device),
    ]);
    const base = `${PREFIX}${network.replace(/[^\w.-]/g, '-')}`;
    for (let i = 0; ; i++) {
      const suffix = i === 0 ? '' : String(i);
      const name = base.slice(0, MAX_NAME - suffix.length) + suffix;
      if (isInterfaceName(name) && !taken.has(name)) return name;
    }
  }
}

function keyOf({ network, address = '' }: AttachmentRequest): string {
  return `${network}=${address}`;
}
