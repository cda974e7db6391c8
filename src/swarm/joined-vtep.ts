/** A node of a Docker swarm that carries its overlay networks, without a Docker engine. */
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { VtepError } from '../error.js';
import { type GossipEndpoint, learnedEndpointId } from '../gossip/index.js';
import {
  type AttachedNetwork,
  type JoinError,
  JoinedNode,
  type JoinedNodeOptions,
  type JoinEvent,
  JoinState,
  type SwarmNode,
} from '../join/index.js';
import { LiveError, type NodeCipher } from '../live/index.js';
import { formatAddress, type KeyRing, parseIp, RingOutcome } from '../overlay/index.js';
import { SwarmError } from './error.js';
import { type AttachmentInterface, AttachmentInterfaces, type JoinedAttachment } from './joined/joined-attachment.js';
import type { JoinedVtepEvent, KeyTags } from './joined/joined-events.js';
import { addressBytes, type WantedNetwork, wantedNetworks } from './joined/joined-networks.js';
import { type KeyAge, KeyAges } from './joined/key-ages.js';
import { type UnderlayAddress, underlayAddress } from './joined/underlay-address.js';
import type { OwnEndpoint, SwarmVtepOptions } from './swarm-options.js';
import { SwarmVtep, type SwarmVtepKeys } from './swarm-vtep.js';

/** Options of a node that joins a swarm. */
export interface JoinedVtepOptions
  extends
    Omit<SwarmVtepOptions, 'here' | 'port' | 'gossip' | 'cipher' | 'onTrouble'>,
    Omit<JoinedNodeOptions, 'hostname' | 'attachments' | 'onEvent' | 'random'> {
  /** For encrypted networks; the keys come from the swarm. */
  readonly cipher: NodeCipher;
  /**
   * The node's name in `docker node ls`, and the name of its endpoints in DNS.
   * @default the system's host name
   */
  readonly name?: string;
  /** Networks to attach to, each with an interface. */
  readonly attachments?: readonly JoinedAttachment[];
  /**
   * The address on which the others reach this node's gossip, IPv4 or IPv6: one of this machine's.
   * @default the local address of the connection to the manager
   */
  readonly advertiseAddress?: string;
  /**
   * The address of the VTEP: one of this machine's.
   * @default `advertiseAddress`
   */
  readonly dataPathAddress?: string;
  /**
   * MTU of the underlay in bytes.
   * @default that of the interface with the VTEP's address, at most 9000
   */
  readonly underlayMtu?: number;
  /** Called for each event, in order. It must not throw. */
  readonly onEvent?: (event: JoinedVtepEvent) => void;
  /** Cancels `open`. */
  readonly signal?: AbortSignal;
}

/** How to close. */
export interface JoinedVtepCloseOptions {
  /**
   * Whether to leave the gossip and to give the addresses back. Otherwise the next process with this identity gets them.
   * @default true
   */
  readonly leave?: boolean;
}

/** An attachment, as an operator sees it. */
export interface JoinedAttachmentReport extends AttachmentInterface {
  readonly attachment: AttachedNetwork;
  /** Address of this node's load balancer on the network; undefined if the swarm gave none. */
  readonly balancer: string | undefined;
  /** Why the node isn't on the network, though it is attached to it. */
  readonly refused: VtepError | undefined;
}

/** What a joined node is doing. */
export interface JoinedReport {
  readonly name: string;
  /** As the swarm last described the node; undefined before that. */
  readonly node: SwarmNode | undefined;
  readonly state: JoinState;
  /** The manager of the session; undefined without one. */
  readonly manager: string | undefined;
  /** Why the state is what it is, if something is wrong. */
  readonly error: JoinError | undefined;
  readonly managers: readonly string[];
  /** Seconds since the manager last answered a heartbeat; undefined if none of this session has been answered. */
  readonly heartbeatAge: number | undefined;
  readonly attachments: readonly JoinedAttachmentReport[];
  /** Requests that aren't attached, and why. */
  readonly waiting: readonly { readonly request: JoinedAttachment; readonly error: JoinError | undefined }[];
  readonly keys: { readonly gossip: readonly KeyAge[]; readonly ipsec: readonly KeyAge[] };
  /** Number of key rotations seen. */
  readonly rotations: number;
  /** Number of services whose tasks were rejected. */
  readonly rejectedServices: number;
}

/** How often to look whether new interfaces are there, in milliseconds. */
const LOOK_MS = 50;

/** A network that the VTEP is on. */
interface OnNetwork {
  /** Ids of its endpoints in gossip, by task. */
  readonly endpoints: Map<string, string>;
  balancer: string | undefined;
}

const GOSSIP_PORT = 7946;
const DEFAULT_VXLAN_PORT = 4789;
const ID_BYTES = 32;
/** Maximum milliseconds for leaving the gossip, and again for giving the addresses back. */
const LEAVE_MS = 3_000;

/**
 * Joins a swarm, and carries its networks: an interface for each attachment, with peers and services from gossip. If
 * the managers can't be reached, packets flow on with what is known.
 * @example
 * import { randomFillSync } from 'node:crypto';
 * import { chooseAead, hkdfSha256 } from 'vtep/aead';
 * import { JoinedVtep } from 'vtep/swarm';
 *
 * const random = (bytes: Uint8Array) => void randomFillSync(bytes);
 * const node = await JoinedVtep.open({
 *   managers: ['192.168.50.1'],
 *   token: process.env['VTEP_TOKEN'] ?? '',
 *   stateDirectory: '/var/lib/vtep/swarm',
 *   attachments: [{ network: 'web', device: 'web0' }],
 *   cipher: { aead: chooseAead().aead, hkdf: hkdfSha256, random },
 *   onEvent: (event) => {
 *     if (event.kind === 'attached') console.log(event.attachment.networkName, event.attachment.address, event.device);
 *   },
 * });
 * const ending = new AbortController();
 * process.once('SIGTERM', () => ending.abort());
 * try {
 *   await node.run(ending.signal);
 * } finally {
 *   await node.close();
 * }
 */
export class JoinedVtep {
  /** The node, as managers see it. */
  readonly node: JoinedNode;
  readonly name: string;
  readonly #options: JoinedVtepOptions;
  readonly #requests: readonly JoinedAttachment[];
  readonly #interfaces: AttachmentInterfaces;
  readonly #emit: (event: JoinedVtepEvent) => void;
  readonly #ages: { readonly gossip: KeyAges; readonly ipsec: KeyAges };
  readonly #failed = new AbortController();
  readonly #on = new Map<string, OnNetwork>();
  readonly #refused = new Map<string, VtepError>();
  readonly #attachErrors = new Map<JoinedAttachment, JoinError>();
  /** Attachments whose interface isn't there yet, by the endpoint's id in gossip. */
  readonly #opening = new Map<string, AttachedNetwork>();
  #looking: NodeJS.Timeout | undefined;
  #swarm: SwarmVtep | undefined;
  #seen: SwarmNode | undefined;
  #state: JoinState = JoinState.Connecting;
  #manager: string | undefined;
  #error: JoinError | undefined;
  #failure: JoinError | undefined;
  #rotations = 0;
  #rejected = 0;
  #address: UnderlayAddress | undefined;

  private constructor(options: JoinedVtepOptions) {
    this.#options = options;
    this.name = options.name ?? hostname();
    this.#requests = options.attachments ?? [];
    this.#interfaces = new AttachmentInterfaces(this.#requests);
    this.#emit = options.onEvent ?? ((): void => undefined);
    const clock = options.clock ?? ((): number => performance.now() / 1000);
    this.#ages = { gossip: new KeyAges(clock), ipsec: new KeyAges(clock) };
    const { managers, token, stateDirectory, availability, platform, times } = options;
    this.node = new JoinedNode({
      stateDirectory,
      hostname: this.name,
      ...(managers === undefined ? {} : { managers }),
      ...(token === undefined ? {} : { token }),
      ...(availability === undefined ? {} : { availability }),
      ...(platform === undefined ? {} : { platform }),
      ...(times === undefined ? {} : { times }),
      attachments: this.#requests,
      onEvent: (event) => this.#take(event),
    });
  }

  /**
   * Joins, or comes back with the stored identity, and opens sockets; packets flow only once `run` is called.
   * @throws JoinError as `JoinedNode.start`; SwarmError `BAD_ADDRESS`; LiveError as `LiveVtep.open`
   */
  static async open(options: JoinedVtepOptions): Promise<JoinedVtep> {
    const joined = new JoinedVtep(options);
    const { signal } = options;
    const cancel = (): void => void joined.node.close({ detach: false });
    signal?.addEventListener('abort', cancel);
    try {
      await joined.#open();
      return joined;
    } catch (error) {
      await joined.close({ leave: false });
      throw error;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** The VTEP: gossip, sockets, devices and chains. */
  get swarm(): SwarmVtep {
    if (this.#swarm === undefined) throw new SwarmError('CLOSED', 'the node is not open');
    return this.#swarm;
  }

  /** The address of the VTEP, and the underlay's MTU. */
  get underlay(): UnderlayAddress | undefined {
    return this.#address;
  }

  /**
   * Runs until aborted. Blocks this thread in short waits for packets; timers and signals run in between.
   * @throws JoinError when the node is no longer one of the swarm, such as `REMOVED_FROM_SWARM`; LiveError if a socket has
   * failed
   */
  async run(signal: AbortSignal): Promise<void> {
    await this.swarm.run(AbortSignal.any([signal, this.#failed.signal]));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** What the node is doing, apart from the VTEP. */
  get report(): JoinedReport {
    const { heartbeatAt, attachments, balancers, managers } = this.node;
    const addresses = new Map(balancers.map(({ networkId, address }) => [networkId, address]));
    return {
      name: this.name,
      node: this.#seen,
      state: this.#state,
      manager: this.#manager,
      error: this.#error,
      managers,
      heartbeatAge: heartbeatAt === undefined ? undefined : Math.max(0, (Date.now() - heartbeatAt) / 1000),
      attachments: attachments.map((attachment) => ({
        attachment,
        ...this.#interfaces.of(attachment),
        balancer: addresses.get(attachment.networkId),
        refused: this.#refused.get(attachment.networkId),
      })),
      waiting: this.#requests
        .filter((request) => !attachments.some((attachment) => attachment.request === request))
        .map((request) => ({ request, error: this.#attachErrors.get(request) })),
      keys: { gossip: this.#ages.gossip.keys, ipsec: this.#ages.ipsec.keys },
      rotations: this.#rotations,
      rejectedServices: this.#rejected,
    };
  }

  /**
   * Leaves the gossip, closes devices and sockets, gives the addresses back and ends the session, in this order, and
   * takes a few seconds at most.
   * @returns number of attachments that the swarm still holds for this node
   */
  async close({ leave = true }: JoinedVtepCloseOptions = {}): Promise<number> {
    const swarm = this.#swarm;
    this.#swarm = undefined;
    this.#on.clear();
    this.#opening.clear();
    this.#stopLooking();
    if (swarm !== undefined) await within(LEAVE_MS, swarm.close({ tell: leave }));
    const held = this.node.attachments.length;
    return (await within(LEAVE_MS, this.node.close({ detach: leave }))) ?? held;
  }

  async #open(): Promise<void> {
    const { advertiseAddress, dataPathAddress, underlayMtu, ...options } = this.#options;
    // Checked first: a mistake shouldn't leave a node in the swarm's list.
    for (const given of [advertiseAddress, dataPathAddress]) if (given !== undefined) underlayAddress(given);
    if (options.signal?.aborted === true) throw new SwarmError('CLOSED', 'the node was closed');
    await this.node.start();
    const local = advertiseAddress ?? this.node.localAddress;
    if (local === undefined) throw new SwarmError('BAD_ADDRESS', 'the connection to the manager has no local address');
    const advertised = underlayAddress(local);
    const vtep = dataPathAddress === undefined ? advertised : underlayAddress(dataPathAddress);
    this.#address = vtep;
    const { gossip } = this.node.keys();
    try {
      this.#swarm = await this.#openSwarm({
        ...options,
        here: { name: this.name, vtep: vtep.address, mac: undefined, mtu: underlayMtu ?? vtep.mtu },
        port: this.#seen?.vxlanPort ?? DEFAULT_VXLAN_PORT,
        gossip: {
          endpoint: { addr: advertised.address, port: GOSSIP_PORT },
          seeds: this.#seeds(advertised.address),
          keys: gossip,
        },
        onTrouble: (text) => this.#emit({ kind: 'trouble', text }),
      });
    } finally {
      gossip?.wipe();
    }
    this.#useKeys();
    this.#update();
  }

  /** Opens the VTEP, without ESP if raw sockets aren't permitted: networks that aren't encrypted need none. */
  async #openSwarm(options: SwarmVtepOptions): Promise<SwarmVtep> {
    try {
      return await SwarmVtep.open(options);
    } catch (error) {
      const isPermission = error instanceof LiveError && error.code === 'NOT_PERMITTED';
      if (!isPermission || options.sockets === 'system' || options.esp === false) throw error;
      const swarm = await SwarmVtep.open({ ...options, esp: false });
      this.#emit({ kind: 'trouble', text: `encrypted networks can't be joined: ${error.message}` });
      return swarm;
    }
  }

  /** The managers' gossip: they are members as every node. */
  #seeds(own: Uint8Array): GossipEndpoint[] {
    const hosts = this.node.managers.map((manager) => manager.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''));
    const text = formatAddress(own);
    return hosts
      .filter((host) => isIP(host) !== 0 && host !== text)
      .map((host) => ({ addr: parseIp(host), port: GOSSIP_PORT }));
  }

  #take(event: JoinEvent): void {
    switch (event.kind) {
      case 'node':
        this.#seen = event.node;
        break;
      case 'keys':
        this.#keys(event.keys.gossip, event.keys.ipsec);
        event.keys.gossip?.wipe();
        event.keys.ipsec?.wipe();
        return;
      case 'attached':
        this.#attachErrors.delete(event.attachment.request);
        this.#updateSoon();
        return;
      case 'attach-failed':
        this.#attachErrors.set(event.request, event.error);
        break;
      case 'task-rejected':
        this.#rejected++;
        break;
      case 'state':
        this.#state = event.state;
        this.#manager = event.state === JoinState.Connected ? event.manager : undefined;
        this.#error = event.error;
        if (event.state === JoinState.Ended) this.#failure = event.error;
        break;
      default:
    }
    this.#emit(event);
    if (event.kind === 'managers') this.#useSeeds();
    if (event.kind === 'detached' || event.kind === 'balancers') this.#updateSoon();
    if (this.#failure !== undefined) this.#failed.abort();
  }

  /** Updates once the node's list of attachments is current: it reports changes while it makes them. */
  #updateSoon(): void {
    queueMicrotask(() => this.#update());
  }

  #keys(gossip: KeyRing | undefined, ipsec: KeyRing | undefined): void {
    const had = this.#ages.gossip.transmit !== undefined || this.#ages.ipsec.transmit !== undefined;
    const changed = [this.#ages.gossip.update(gossip), this.#ages.ipsec.update(ipsec)].includes(true);
    if (had && changed) this.#rotations++;
    this.#setKeys({ gossip, ipsec });
    this.#emit({ kind: 'keys', rotated: had && changed, gossip: tagsOf(gossip), ipsec: tagsOf(ipsec) });
    this.#update();
  }

  /** Gives the VTEP the keys that came before it was open. */
  #useKeys(): void {
    const { gossip, ipsec } = this.node.keys();
    this.#setKeys({ gossip, ipsec });
    gossip?.wipe();
    ipsec?.wipe();
  }

  #setKeys(keys: SwarmVtepKeys): void {
    let problem: string | undefined;
    try {
      const outcome = this.#swarm?.setKeys(keys);
      if (outcome === RingOutcome.Stale)
        problem = "the swarm's IPsec keys are older than the current ones, which are kept";
    } catch (error) {
      // The managers' keys mustn't end the session.
      if (!isVtepError(error)) throw error;
      problem = `the swarm's keys can't be used: ${error.message}`;
    }
    if (problem !== undefined) this.#emit({ kind: 'trouble', text: problem });
  }

  #useSeeds(): void {
    const { gossip } = this.#swarm ?? {};
    if (gossip !== undefined) this.#swarm?.setSeeds(this.#seeds(gossip.endpoint.addr));
  }

  /** Compares the networks that the VTEP is on with the attachments, and does what is missing. */
  #update(): void {
    const swarm = this.#swarm;
    if (swarm === undefined) return;
    const wanted = wantedNetworks(this.node.attachments, this.node.balancers);
    for (const id of [...this.#on.keys()].filter((id) => !wanted.has(id))) {
      swarm.removeNetwork(id);
      for (const endpoint of this.#on.get(id)?.endpoints.values() ?? []) this.#opening.delete(endpoint);
      this.#on.delete(id);
    }
    for (const id of [...this.#refused.keys()].filter((id) => !wanted.has(id))) this.#refused.delete(id);
    for (const [id, one] of wanted) {
      try {
        this.#updateOne(swarm, id, one);
        this.#refused.delete(id);
      } catch (error) {
        if (!isVtepError(error)) throw error;
        const before = this.#refused.get(id);
        this.#refused.set(id, error);
        if (before?.message === error.message) continue;
        for (const attachment of one.attachments) this.#emit({ kind: 'network-refused', attachment, error });
      }
    }
  }

  #updateOne(swarm: SwarmVtep, id: string, { network, attachments }: WantedNetwork): void {
    const balancer = network.balancer === undefined ? undefined : formatAddress(network.balancer);
    const present = this.#on.get(id);
    if (present === undefined) {
      const endpoints = attachments.map((attachment) => [attachment.taskId, this.#endpoint(attachment)] as const);
      swarm.addNetwork({ ...network, endpoints: endpoints.map(([, endpoint]) => endpoint) });
      this.#on.set(id, { balancer, endpoints: new Map(endpoints.map(([task, endpoint]) => [task, endpoint.id])) });
      attachments.forEach((attachment, i) => this.#awaitInterface(endpoints[i][1].id, attachment));
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
      this.#awaitInterface(endpoint, attachment);
    }
    if (present.balancer !== balancer) {
      swarm.setBalancer(id, network.balancer);
      present.balancer = balancer;
    }
  }

  /** Reports an attachment once its interface is there. */
  #awaitInterface(endpoint: string, attachment: AttachedNetwork): void {
    this.#opening.set(endpoint, attachment);
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS);
  }

  #look(): void {
    const ports = this.#swarm?.vtep.node.ports;
    for (const [endpoint, attachment] of this.#opening) {
      if (ports?.has(learnedEndpointId(attachment.networkId, endpoint)) !== true) continue;
      this.#opening.delete(endpoint);
      this.#emit({ kind: 'attached', attachment, ...this.#interfaces.of(attachment) });
    }
    if (this.#opening.size === 0) this.#stopLooking();
  }

  #stopLooking(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #endpoint(attachment: AttachedNetwork): OwnEndpoint & { readonly id: string } {
    const { device, netns } = this.#interfaces.of(attachment);
    return {
      // Like a restarted container's: peers may still have the entries of an earlier process.
      id: randomBytes(ID_BYTES).toString('hex'),
      name: this.name,
      address: addressBytes(attachment.address),
      mac: attachment.mac,
      device,
      ...(netns === undefined ? {} : { netns }),
    };
  }
}

function tagsOf(ring: KeyRing | undefined): KeyTags | undefined {
  if (ring === undefined) return undefined;
  return { tags: ring.keys.map(({ tag }) => tag), transmit: ring.transmit.tag };
}

function isVtepError(error: unknown): error is VtepError {
  return error instanceof VtepError;
}

/** The result of a promise, or undefined after a time. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  const ending = new AbortController();
  const late = sleep(milliseconds, undefined, { signal: ending.signal, ref: true }).catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    ending.abort();
  }
}
