/** The node of `up --gossip`: its config has this node's networks and endpoints; the rest comes from gossip. */
import { randomBytes } from 'node:crypto';
import { learnedEndpointId } from '../../gossip/index.js';
import {
  type EndpointReport,
  LiveError,
  type LiveVtep,
  type LiveVtepOptions,
  type StatusSections,
} from '../../live/index.js';
import { ChangeKind, type Endpoint, type Network, type RingOutcome, type Topology } from '../../overlay/index.js';
import { type JoinedNetwork, type OwnEndpoint, SwarmVtep, type SwarmGossipOptions } from '../../swarm/index.js';
import { gossipMetrics, gossipSections } from '../../swarm/internal.js';
import { gossipEndpoints, readGossipKeys } from '../options/gossip-option.js';
import { UsageError } from '../usage-error.js';
import type { UpNode } from './up-node.js';
import { startLines } from './up-start.js';

/** What the command line says about gossip. */
export interface GossipValues {
  readonly node: string;
  readonly gossip: readonly SwarmGossipOptions['endpoint'][];
  readonly gossipKeys?: string | undefined;
  readonly advertiseAddr?: Uint8Array | undefined;
}

/** A network of the config. */
interface ConfiguredNetwork {
  readonly joined: JoinedNetwork;
  /** By name. */
  readonly endpoints: ReadonlyMap<string, OwnEndpoint>;
}

const KEY_BYTES = 32;

/** The node. */
export class GossipNode implements UpNode {
  readonly sections: StatusSections;
  readonly #node: SwarmVtep;
  readonly #values: GossipValues;
  readonly #hasCipher: boolean;
  /** The networks that it is on, by id, as the config has them. */
  readonly #networks = new Map<string, JoinedNetwork>();
  /** Keys of its endpoints in gossip, by network's id and name, and what they are. */
  readonly #endpoints = new Map<string, Map<string, OwnEndpoint & { readonly id: string }>>();

  /** What its endpoints are called, by their id in the tables, which has a key of gossip that nobody can read. */
  readonly #names: Map<string, string>;

  private constructor(node: SwarmVtep, values: GossipValues, hasCipher: boolean, names: Map<string, string>) {
    this.#names = names;
    this.#node = node;
    this.#values = values;
    this.#hasCipher = hasCipher;
    this.sections = gossipSections(() => node.latest);
  }

  /**
   * Opens it, with all that the config has.
   * @param topology with a `membership`
   * @throws LiveError, GossipError; UsageError
   */
  static async open(
    topology: Topology,
    values: GossipValues,
    options: Omit<LiveVtepOptions, 'topology' | 'node'>,
  ): Promise<GossipNode> {
    const here = topology.nodes.find(({ name }) => name === values.node);
    const { membership } = topology;
    if (here === undefined || membership === undefined) throw new UsageError('--gossip needs --config');
    const keys = values.gossipKeys === undefined ? undefined : await readGossipKeys(values.gossipKeys);
    try {
      const own = values.advertiseAddr ?? membership.advertise;
      const gossip = { ...gossipEndpoints(values.gossip, own), keys };
      const names = new Map<string, string>();
      const onTrouble = (text: string): void => {
        let named = text;
        for (const [id, name] of names) named = named.replaceAll(id, name);
        options.onTrouble?.(named);
      };
      const node = await SwarmVtep.open({ ...options, onTrouble, here, port: topology.port, gossip });
      const running = new GossipNode(node, values, options.cipher !== undefined, names);
      try {
        running.#follow(topology);
        await node.devicesSettled();
        await node.report();
      } catch (error) {
        await node.close();
        throw error;
      }
      return running;
    } finally {
      keys?.wipe();
    }
  }

  get vtep(): LiveVtep {
    return this.#node.vtep;
  }

  get lines(): readonly string[] {
    const { gossip } = this.#node;
    const clear = this.#values.gossipKeys === undefined ? ', in clear text' : '';
    const at = gossipEndpoints(this.#values.gossip, gossip.endpoint.addr);
    const joins = at.seeds.length === 0 ? '' : `, joining ${at.seeds.length} member${at.seeds.length === 1 ? '' : 's'}`;
    return [
      `gossip as ${gossip.name} on port ${gossip.endpoint.port}${clear}${joins}`,
      ...startLines(this.vtep, (id) => this.#names.get(id) ?? id),
    ];
  }

  get endpointReports(): ReadonlyMap<string, EndpointReport> {
    const { endpointReports } = this.vtep;
    return new Map(Array.from(endpointReports, ([id, report]) => [this.#names.get(id) ?? id, report]));
  }

  metrics(): string {
    return gossipMetrics(this.#node.latest);
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#node.run(signal);
  }

  async update(topology: Topology): Promise<RingOutcome | undefined> {
    const { gossipKeys } = this.#values;
    const gossip = gossipKeys === undefined ? undefined : await readGossipKeys(gossipKeys);
    try {
      const outcome = this.#follow(topology);
      this.#node.setKeys({ gossip });
      return outcome;
    } finally {
      gossip?.wipe();
    }
  }

  devicesSettled(): Promise<void> {
    return this.#node.devicesSettled();
  }

  close(): Promise<void> {
    return this.#node.close();
  }

  /** Brings networks and endpoints in line with a config. */
  #follow(topology: Topology): RingOutcome | undefined {
    const configured = configuredNetworks(topology, this.#values.node);
    this.#check(topology, configured);
    const outcome = topology.ring === undefined ? undefined : this.#node.setKeys({ ipsec: topology.ring });
    if (topology.acceptUnknownVteps !== undefined) {
      const { acceptUnknownVteps: accept } = topology;
      this.vtep.apply([{ kind: ChangeKind.SetAcceptUnknownVteps, accept }]);
    }
    for (const [id, before] of this.#networks) {
      const after = configured.get(id)?.joined;
      if (after !== undefined && settingsOf(after) === settingsOf(before)) continue;
      this.#node.removeNetwork(id);
      this.#networks.delete(id);
      this.#endpoints.delete(id);
    }
    for (const [id, { joined, endpoints }] of configured) {
      const before = this.#networks.get(id);
      if (before === undefined) {
        this.#node.addNetwork(joined);
        this.#endpoints.set(id, new Map());
      } else if (textOf(before.balancer) !== textOf(joined.balancer)) this.#node.setBalancer(id, joined.balancer);
      this.#networks.set(id, joined);
      this.#followEndpoints(id, endpoints);
    }
    return outcome;
  }

  #followEndpoints(networkId: string, wanted: ReadonlyMap<string, OwnEndpoint>): void {
    const own = this.#endpoints.get(networkId) ?? new Map<string, OwnEndpoint & { readonly id: string }>();
    this.#endpoints.set(networkId, own);
    for (const [name, { id, ...before }] of own) {
      const after = wanted.get(name);
      if (after !== undefined && textOf(after) === textOf(before)) continue;
      this.#node.removeEndpoint(networkId, id);
      own.delete(name);
    }
    for (const [name, endpoint] of wanted) {
      if (own.has(name)) continue;
      const id = randomBytes(KEY_BYTES).toString('hex');
      this.#names.set(learnedEndpointId(networkId, id), name);
      this.#node.addEndpoint(networkId, { ...endpoint, id });
      own.set(name, { ...endpoint, id });
    }
  }

  /** Rejects what can't be followed, before anything is. */
  #check(topology: Topology, configured: ReadonlyMap<string, ConfiguredNetwork>): void {
    const { here, port } = this.vtep.node.tables;
    const after = topology.nodes.find(({ name }) => name === here.name);
    const changed =
      after === undefined || textOf(after.vtep) !== textOf(here.vtep)
        ? "the node's VTEP address"
        : after.mtu !== here.mtu
          ? "the node's MTU"
          : topology.port === port
            ? undefined
            : 'the UDP port';
    if (changed !== undefined) throw new LiveError('BAD_NODE', `${changed} changed, which requires a restart`);
    const encrypted = [...configured.values()].some(({ joined }) => joined.networks[0].encrypted);
    if (encrypted && !this.#hasCipher) {
      throw new LiveError('BAD_NODE', 'a network is encrypted, but the node was started without keys');
    }
  }
}

function configuredNetworks(topology: Topology, node: string): Map<string, ConfiguredNetwork> {
  const { membership } = topology;
  if (membership === undefined) throw new UsageError('--gossip needs --config');
  const here = topology.nodes.findIndex(({ name }) => name === node);
  const configured = new Map<string, ConfiguredNetwork>();
  topology.networks.forEach((network: Network, index) => {
    const { id, ingress, internal, dsr, balancer } = membership.networks[index];
    const own = topology.endpoints.filter((endpoint) => endpoint.node === here && endpoint.network === index);
    const endpoints = new Map(own.map((one) => [one.name, ownEndpointOf(one, membership.aliases[one.name])]));
    const joined = { id, networks: [network], ingress, internal, dsr, balancer, endpoints: [] };
    configured.set(id, { joined, endpoints });
  });
  return configured;
}

function ownEndpointOf({ name, ip, mac, device, netns }: Endpoint, aliases: readonly string[] = []): OwnEndpoint {
  // The config's reader requires an address.
  const address = ip ?? new Uint8Array(0);
  return {
    name,
    aliases,
    address,
    mac,
    ...(device === undefined ? {} : { device }),
    ...(netns === undefined ? {} : { netns }),
  };
}

/** What can't change while a node is on a network. */
function settingsOf(network: JoinedNetwork): string {
  return textOf({ ...network, balancer: undefined });
}

function textOf(value: object | undefined): string {
  return value === undefined ? '' : JSON.stringify(value);
}
