/**
 * The way in and out of a node's containers: the gateway's interfaces, the rules on the host or the proxy that replaces
 * them, and the sockets that hold published ports.
 */
import type { Arena } from '../../memory/index.js';
import { formatPrefix, type GatewaySettings, portName, type ServiceSet, type Topology } from '../../overlay/index.js';
import { sandboxAddress } from '../../service/index.js';
import { formatIpv4 } from '../../wire/index.js';
import type { HostModePort } from '../firewall/host-rules-text.js';
import { LiveError } from '../error.js';
import { HostRules } from '../firewall/host-rules.js';
import type { GatewayContainer } from '../gateway/gateway-devices.js';
import { GatewayPart } from '../gateway/gateway-part.js';
import type { PrometheusText } from '../metrics/prometheus-text.js';
import type { LiveNode } from '../node/live-node.js';
import { HeldPorts } from '../ports/held-ports.js';
import { overBudget, portBudget } from '../ports/port-budget.js';
import { PortProxy, type ProxyRoute } from '../ports/port-proxy.js';
import type { StatusSection } from '../status/status-section.js';
import type { BalancerPort } from './balancer-port.js';
import { LatestUpdate } from './latest-update.js';
import { localContainers } from './local-containers.js';
import { portRanges } from './port-ranges.js';
import { hostMappings, type IngressMapping, ingressMappings } from './published-ports.js';
import type { PartSource, ServicePart } from './service-part.js';

/** What the gateway of a node needs. */
export interface GatewayServiceOptions {
  /** Gives the gateway its turns. */
  readonly node: LiveNode;
  /** The node's. */
  readonly arena: Arena;
  /** Receives a description of each problem. */
  readonly tell: (text: string) => void;
}

/** Seconds between two checks of the rules in the host. */
const RULES_CHECK = 10;

/** What is open while there is a gateway. */
interface Open {
  /** The settings as text, to see whether they change. */
  readonly settings: string;
  readonly gateway: GatewayPart;
  readonly rules: HostRules;
  readonly held: HeldPorts;
  /** Where there are no rules: nft is absent, or not permitted. */
  readonly proxy: PortProxy | undefined;
}

/** Milliseconds until what has failed is tried again. */
const RETRY = 30_000;

/** The gateway. It opens with the first topology that has one, and stays until `close`. */
export class GatewayService implements ServicePart {
  readonly name = 'gateway';
  readonly #options: GatewayServiceOptions;
  readonly #updates: LatestUpdate<PartSource>;
  #open: Open | undefined;
  #front: BalancerPort | undefined;
  /** Settings of the gateway that is open or opening: others need a restart. */
  #settings: GatewaySettings | undefined;
  #ports: readonly string[] = [];
  /** Calls of `check` until the rules in the host are checked, and whether that is going on. */
  #untilCheck = RULES_CHECK;
  #isChecking = false;
  /** The problem that was reported last, which persists. */
  #lastProblem = '';
  /** What wasn't followed, and when it is tried again, in milliseconds. */
  #failed: { readonly source: PartSource; readonly again: number } | undefined;
  #closed = false;

  constructor(options: GatewayServiceOptions) {
    this.#options = options;
    this.#updates = new LatestUpdate(
      async (source) => {
        this.#failed = { source, again: performance.now() + RETRY };
        await this.#follow(source);
        this.#failed = undefined;
      },
      (error) => this.#reportOnce((error as Error).message),
    );
  }

  /**
   * The address of the ingress load balancer's front leg on the gateway's network, with the settings that the gateway has;
   * undefined without a usable gateway.
   */
  frontOf(gateway: GatewaySettings | undefined): string | undefined {
    return gateway === undefined ? undefined : sandboxAddress(this.#settings ?? gateway);
  }

  /** Attaches the front leg of the ingress load balancer, once the gateway is open. */
  setFront(front: BalancerPort | undefined): void {
    this.#front = front;
    this.#open?.gateway.attachBalancer(front);
  }

  get lines(): readonly string[] {
    const open = this.#open;
    if (open === undefined) return [];
    const { interfaces } = open.gateway;
    const [host, ...containers] = interfaces;
    const how = open.proxy === undefined ? `rules in the table ${open.rules.table}` : 'a proxy in user space';
    const ports = this.#ports.length === 0 ? [] : [`published ports ${portRanges(this.#ports)}, by ${how}`];
    return [`gateway ${host.name ?? ''} for ${containers.length} network namespaces`, ...ports];
  }

  update(source: PartSource): void {
    if (source.gateway !== undefined || this.#open !== undefined || this.#settings !== undefined) {
      this.#updates.set(source);
    }
  }

  async settled(): Promise<void> {
    await this.#updates.settled();
    await this.#open?.gateway.settled();
  }

  check(): void {
    this.#open?.gateway.check();
    if (this.#failed !== undefined && performance.now() >= this.#failed.again) this.#updates.set(this.#failed.source);
    if (this.#open?.rules.available !== true || this.#isChecking || --this.#untilCheck > 0) return;
    this.#untilCheck = RULES_CHECK;
    this.#isChecking = true;
    this.#open.rules
      .check()
      .catch((error: unknown) => this.#reportOnce((error as Error).message))
      .finally(() => (this.#isChecking = false));
  }

  status(): StatusSection {
    const open = this.#open;
    if (open === undefined) return { facts: { running: false } };
    const { gateway, rules, held, proxy } = open;
    const { interfaces, counters } = gateway;
    const facts = {
      running: true,
      interface: interfaces[0]?.name ?? null,
      sandbox: formatIpv4(gateway.sandbox),
      publishedBy: proxy === undefined ? `nftables table ${rules.table}` : 'proxy',
      published: this.#ports,
      held: held.held,
      counters,
      proxy: proxy?.counters ?? null,
    };
    const rows = interfaces.slice(1).map(({ container, address, name, counters: own }) => ({
      netns: container ?? null,
      address: formatIpv4(address),
      interface: name ?? null,
      received: own?.received ?? 0,
      sent: own?.sent ?? 0,
      refused: own?.refused ?? 0,
    }));
    return { facts: { total: rows.length, ...facts }, rows };
  }

  addMetrics(text: PrometheusText): void {
    const open = this.#open;
    if (open === undefined) return;
    const { in: came, made, out, dropped } = open.gateway.counters;
    text.family('vtep_gateway_frames_total', 'counter', 'Frames received and sent by the gateway.', [
      [{ direction: 'in' }, came],
      [{ direction: 'out' }, out],
    ]);
    text.family('vtep_gateway_copies_total', 'counter', 'Copies of frames to all ports, beyond the first.', [
      [{}, made],
    ]);
    text.family(
      'vtep_gateway_dropped_total',
      'counter',
      'Frames dropped by the gateway, by reason.',
      Object.entries(dropped).map(([reason, count]) => [{ reason }, count]),
    );
    const { proxy } = open;
    if (proxy === undefined) return;
    const { accepted, refused, unreachable, datagramsIn, datagramsOut, datagramsLost } = proxy.counters;
    text.family('vtep_proxy_connections_total', 'counter', 'TCP connections to published ports, by outcome.', [
      [{ outcome: 'accepted' }, accepted],
      [{ outcome: 'refused' }, refused],
      [{ outcome: 'unreachable' }, unreachable],
    ]);
    text.family('vtep_proxy_datagrams_total', 'counter', 'Datagrams of published ports.', [
      [{ direction: 'in' }, datagramsIn],
      [{ direction: 'out' }, datagramsOut],
      [{ direction: 'lost' }, datagramsLost],
    ]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    // The rules go first, and before anything is waited for: a second signal may end the process.
    this.#open?.rules.close();
    await this.#updates.close();
    this.#closeAll();
  }

  async #follow(source: PartSource): Promise<void> {
    const settings = source.gateway;
    if (this.#closed || (settings === undefined && this.#open === undefined)) return;
    if (settings !== undefined && this.#open === undefined) this.#open = await this.#openWith(settings);
    const open = this.#open;
    if (open === undefined || this.#isClosed()) return;
    if (settings !== undefined && textOf(settings) !== open.settings) {
      this.#reportOnce("the gateway's settings have changed, which requires a restart");
    }
    await this.#publish(open, source.topology);
  }

  async #openWith(settings: GatewaySettings): Promise<Open> {
    const { node, arena, tell } = this.#options;
    this.#settings = settings;
    const gateway = await GatewayPart.open({ settings, arena, tell }).catch((error: unknown) => {
      this.#settings = undefined;
      throw error;
    });
    const rules = await HostRules.open({ node: node.tables.here.name, gateway: settings, tell });
    if (!rules.available) {
      const why = rules.failure?.message ?? '';
      tell(`published ports use a proxy, and containers' traffic is not masqueraded: ${why}`);
    }
    const proxy = rules.available ? undefined : new PortProxy({ onTrouble: tell });
    gateway.attachBalancer(this.#front);
    node.addPart(gateway);
    return { settings: textOf(settings), gateway, rules, proxy, held: new HeldPorts(tell) };
  }

  async #publish({ gateway, rules, held, proxy }: Open, topology: Topology): Promise<void> {
    const name = this.#options.node.tables.here.name;
    const { services } = topology;
    const containers = services === undefined ? new Map<string, GatewayContainer>() : gatewayContainers(topology, name);
    gateway.update(containers);
    const ingress = services === undefined ? [] : ingressMappings(services);
    const host = services === undefined ? [] : this.#hostPorts(gateway, services, topology);
    gateway.publish(ingress.map(({ protocol, published }) => ({ protocol, port: published })));
    this.#ports = [...ingress, ...host].map(portName);
    if (proxy === undefined) {
      await rules.apply({ sandbox: gateway.sandbox, ingress, host });
      held.set([...ingress, ...host]);
    } else {
      const routes = this.#routes(gateway, ingress, host);
      const served = routes.slice(0, portBudget());
      await proxy.set(served);
      if (served.length < routes.length)
        throw new LiveError('BAD_NODE', overBudget('the proxy serves', served.length, routes.length));
    }
    this.#lastProblem = '';
  }

  /** Ports of this node's tasks, at their gateway addresses. */
  #hostPorts(gateway: GatewayPart, services: ServiceSet, { endpoints, nodes, networks }: Topology): HostModePort[] {
    const { name } = this.#options.node.tables.here;
    return hostMappings(services, name).flatMap(({ protocol, published, target, endpoint, network }) => {
      const found = endpoints.find(
        (one) => one.name === endpoint && networks[one.network].name === network && nodes[one.node].name === name,
      );
      const address = found?.netns === undefined ? undefined : gateway.addressOf(found.netns);
      return address === undefined ? [] : [{ protocol, published, target, address }];
    });
  }

  #routes(gateway: GatewayPart, ingress: readonly IngressMapping[], host: readonly HostModePort[]): ProxyRoute[] {
    const sandbox = formatIpv4(gateway.sandbox);
    const all = [
      ...ingress.map(({ protocol, published }) => ({ protocol, port: published, to: sandbox, toPort: published })),
      ...host.map(({ protocol, published, address, target }) => ({
        protocol,
        port: published,
        to: formatIpv4(address),
        toPort: target,
      })),
    ];
    return all.flatMap(({ protocol, ...route }) => (protocol === 'sctp' ? [] : [{ protocol, ...route }]));
  }

  #closeAll(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    open.rules.close();
    open.held.close();
    open.proxy?.close();
    this.#options.node.removePart(open.gateway);
    open.gateway.close();
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  #reportOnce(text: string): void {
    if (this.#lastProblem === text) return;
    this.#lastProblem = text;
    this.#options.tell(text);
  }
}

/** The containers with a route to the outside: those on any network that isn't internal. */
function gatewayContainers(topology: Topology, node: string): Map<string, GatewayContainer> {
  const internal = new Set(
    topology.services?.networks.flatMap(({ name, internal: isInternal }) => (isInternal ? [name] : [])),
  );
  return new Map(
    localContainers(topology, node).flatMap(({ netns, networks, endpoints }): [string, GatewayContainer][] => {
      if (networks.every((network) => internal.has(network))) return [];
      // After its other interfaces, as in Docker's containers.
      const used = new Set(endpoints.map(({ name, device = name }) => device));
      let number = endpoints.length;
      while (used.has(`eth${number}`)) number++;
      return [[netns, { netns, device: `eth${number}` }]];
    }),
  );
}

function textOf(settings: GatewaySettings): string {
  const { name, subnet, gateway, mtu, icc, masquerade } = settings;
  return JSON.stringify([name, formatPrefix(subnet), formatIpv4(gateway), mtu, icc, masquerade]);
}
