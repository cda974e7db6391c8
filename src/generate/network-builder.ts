/** Builds the flows between containers, with their lanes, addresses and SAs. */
import type { Endpoint, Node } from '../overlay/index.js';
import { SeededRandom } from '../replay/random.js';
import type { Flow } from './flow.js';
import type { SaTable } from './keys.js';
import { type Lane, LaneTable } from './lane.js';
import { LaneKind, type LaneSpec } from './lane-spec.js';
import type { CheckedOptions } from './options.js';
import type { World } from './world.js';

/** What lanes may have that is unusual. */
export type LaneChange = Partial<Omit<LaneSpec, 'source' | 'destination' | 'kind'>>;

/** Lanes of a flow. */
export interface Lanes {
  readonly lanes: readonly Lane[];
  /** Index of the first in the table; the others follow it. */
  readonly first: number;
}

const MSS_HEADERS_4 = 40;
const MSS_HEADERS_6 = 60;

/** Adds lanes and flows to a capture. */
export class NetworkBuilder {
  readonly table = new LaneTable();
  readonly flows: Flow[] = [];
  readonly random: SeededRandom;

  constructor(
    readonly options: CheckedOptions,
    readonly world: World,
    readonly keys: SaTable,
  ) {
    this.random = new SeededRandom(options.seed);
  }

  /** The MTU of a network's containers, in bytes. */
  mtuOf(network: number): number {
    return this.world.networks[network].mtu ?? 0;
  }

  /**
   * Lanes of TCP between two containers of a network: `TcpLane`.
   * @param port the server's
   * @param change what is unusual, by direction
   */
  tcp(client: Endpoint, server: Endpoint, port: number, change: LaneChange = {}, back: LaneChange = change): Lanes {
    const kind = LaneKind.Tcp;
    const headers = this.options.ipv6 ? MSS_HEADERS_6 : MSS_HEADERS_4;
    const mss = (change.mss ?? this.mtuOf(client.network)) - headers;
    return this.lanes([
      this.spec(client, server, kind, { port, ...change }),
      this.spec(server, client, kind, { port, reply: true, ...back }),
      this.spec(client, server, kind, { port, syn: true, ...change, mss }),
      this.spec(server, client, kind, { port, reply: true, syn: true, ...back, mss }),
    ]);
  }

  /** Lanes of UDP: of the client, and of the server. */
  udp(client: Endpoint, server: Endpoint, port: number, change: LaneChange = {}, back: LaneChange = change): Lanes {
    return this.lanes([
      this.spec(client, server, LaneKind.Udp, { port, ...change }),
      this.spec(server, client, LaneKind.Udp, { port, reply: true, ...back }),
    ]);
  }

  /** Lanes of ICMP echo. */
  echo(from: Endpoint, to: Endpoint, identifier: number, change: LaneChange = {}, back: LaneChange = change): Lanes {
    return this.lanes([
      this.spec(from, to, LaneKind.Icmp, { identifier, ...change }),
      this.spec(to, from, LaneKind.Icmp, { identifier, reply: true, ...back }),
    ]);
  }

  /** Lanes as described. */
  lanes(specs: readonly LaneSpec[]): Lanes {
    const first = this.table.lanes.length;
    return { lanes: specs.map((spec) => this.table.add(spec)), first };
  }

  /** Lanes that were added one after the other, as those of one flow. */
  together(one: Lanes, next: Lanes): Lanes {
    return { lanes: [...one.lanes, ...next.lanes], first: one.first };
  }

  /** A lane from one container to another of its network. */
  spec(from: Endpoint, to: Endpoint, kind: LaneSpec['kind'], change: LaneChange = {}): LaneSpec {
    const { world } = this;
    const network = world.networks[from.network];
    const source = world.nodes[from.node];
    const destination = world.nodes[to.node];
    return {
      ...this.tunnel(source, destination),
      kind,
      sas: change.sas ?? (network.encrypted ? this.keys.between(source, destination) : []),
      vni: network.vni,
      from: { mac: from.mac, ip: from.ip ?? new Uint8Array(4) },
      to: { mac: to.mac, ip: to.ip ?? new Uint8Array(4) },
      ...change,
    };
  }

  /** What all lanes from one node to another have. */
  tunnel(
    source: Node,
    destination: Node,
  ): Pick<LaneSpec, 'source' | 'destination' | 'vxlanPort' | 'mtu' | 'vlan' | 'innerVlan'> {
    const { port, mtu, vlan, innerVlan } = this.options;
    return { source, destination, vxlanPort: port, mtu, vlan, innerVlan };
  }

  /** Makes the first flow begin at once, and the others as much earlier. */
  beginAtOnce(): void {
    const earliest = this.flows.reduce((least, { time }) => Math.min(least, time), Number.POSITIVE_INFINITY);
    for (const flow of this.flows) {
      flow.time -= earliest;
      flow.due = flow.time;
    }
  }

  /** Adds a flow that begins after some nanoseconds. */
  add(flow: Flow, after: number): void {
    flow.time = after;
    flow.due = after;
    const { random } = this;
    flow.clientClock = random.word() >>> 1;
    flow.serverClock = random.word() >>> 1;
    flow.identification = random.word() & 0xffff;
    this.flows.push(flow);
  }
}
