/** A node of a Docker swarm that carries its overlay networks, without a Docker engine. */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isVtepError } from '../error.js';
import type { GossipEndpoint } from '../gossip/index.js';
import { type JoinError, JoinedNode, type JoinEvent, JoinState, type SwarmNode } from '../join/index.js';
import { LiveError } from '../live/index.js';
import { formatAddress, type KeyRing, parseIp, RingOutcome } from '../overlay/index.js';
import { SwarmError } from './error.js';
import { AttachedNetworks } from './joined/attached-networks.js';
import { AttachmentInterfaces, type JoinedAttachment } from './joined/joined-attachment.js';
import type { JoinedVtepEvent, KeyTags } from './joined/joined-events.js';
import type { JoinedVtepCloseOptions, JoinedVtepOptions } from './joined/joined-options.js';
import type { JoinedReport } from './joined/joined-report.js';
import { KeyAges } from './joined/key-ages.js';
import { type UnderlayAddress, underlayAddress } from './joined/underlay-address.js';
import type { SwarmVtepOptions } from './swarm-options.js';
import { SwarmVtep, type SwarmVtepKeys } from './swarm-vtep.js';

const GOSSIP_PORT = 7946;
const DEFAULT_VXLAN_PORT = 4789;
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
  readonly #networks: AttachedNetworks;
  readonly #attachErrors = new Map<JoinedAttachment, JoinError>();
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
    this.#networks = new AttachedNetworks(this.name, this.#interfaces, this.#emit);
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
    const { heartbeatAge, attachments, balancers, managers } = this.node;
    const addresses = new Map(balancers.map(({ networkId, address }) => [networkId, address]));
    return {
      name: this.name,
      node: this.#seen,
      state: this.#state,
      manager: this.#manager,
      error: this.#error,
      managers,
      heartbeatAge: heartbeatAge === undefined ? undefined : heartbeatAge / 1000,
      attachments: attachments.map((attachment) => ({
        attachment,
        ...this.#interfaces.of(attachment),
        balancer: addresses.get(attachment.networkId),
        refused: this.#networks.refusal(attachment.networkId),
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
    this.#networks.clear();
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
    this.#updateNetworks();
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
        this.#updateNetworksSoon();
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
    if (event.kind === 'detached' || event.kind === 'balancers') this.#updateNetworksSoon();
    if (this.#failure !== undefined) this.#failed.abort();
  }

  #updateNetworks(): void {
    const { attachments, balancers } = this.node;
    if (this.#swarm !== undefined) this.#networks.update(this.#swarm, attachments, balancers);
  }

  /** Updates once the node's list of attachments is current: it reports changes while it makes them. */
  #updateNetworksSoon(): void {
    queueMicrotask(() => this.#updateNetworks());
  }

  #keys(gossip: KeyRing | undefined, ipsec: KeyRing | undefined): void {
    const had = this.#ages.gossip.transmit !== undefined || this.#ages.ipsec.transmit !== undefined;
    const changed = [this.#ages.gossip.update(gossip), this.#ages.ipsec.update(ipsec)].includes(true);
    if (had && changed) this.#rotations++;
    this.#setKeys({ gossip, ipsec });
    this.#emit({ kind: 'keys', rotated: had && changed, gossip: tagsOf(gossip), ipsec: tagsOf(ipsec) });
    this.#updateNetworks();
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
}

function tagsOf(ring: KeyRing | undefined): KeyTags | undefined {
  if (ring === undefined) return undefined;
  return { tags: ring.keys.map(({ tag }) => tag), transmit: ring.transmit.tag };
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
