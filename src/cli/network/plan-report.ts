/** A plan of a swarm's addresses, as text and as JSON. */
import {
  type AllocatedAddress,
  AddressUse,
  type Capacity,
  formatAddress,
  formatPrefix,
  hasEnded,
  type PlannedNetwork,
  type PlannedService,
  PublishMode,
  type Service,
  type SwarmPlan,
  type Task,
  taskName,
} from '../../overlay/index.js';
import { type Cell, addresses, grouped, numbers, table, words } from '../table.js';
import type { TextOutput } from '../text-output.js';

/** What a use is called in a table. */
const USES: Readonly<Record<AddressUse, string>> = {
  [AddressUse.Gateway]: 'gateway',
  [AddressUse.Vip]: 'VIP',
  [AddressUse.Task]: 'task',
  [AddressUse.LoadBalancer]: 'load balancer',
  [AddressUse.Container]: 'container',
};

/** A task, and the service that it belongs to. */
interface OwnedTask extends Task {
  readonly service: string;
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

function tasksOf(services: readonly PlannedService[]): Map<string, OwnedTask> {
  return new Map(
    services.flatMap(({ service: { name, tasks } }) =>
      tasks.map((task): [string, OwnedTask] => [taskName(name, task.slot), { ...task, service: name }]),
    ),
  );
}

/** The arithmetic: `replicas: 3 of 250 (254 addresses - 1 gateway - 1 VIP - 2 load balancers)`. */
export function capacityText(capacity: Capacity): string {
  const { gateways, vips, loadBalancers, containers, replicas, tasks } = capacity;
  const less = [
    gateways > 0 ? ` - ${count(gateways, 'gateway')}` : '',
    vips > 0 ? ` - ${count(vips, 'VIP')}` : '',
    ` - ${count(loadBalancers, 'load balancer')}`,
    containers > 0 ? ` - ${count(containers, 'container')}` : '',
  ].join('');
  const most = replicas < 0 ? 0 : replicas;
  return `replicas: ${grouped(tasks)} of ${grouped(most)} (${count(capacity.addresses, 'address', 'addresses')}${less})`;
}

function networkLines(
  output: TextOutput,
  planned: PlannedNetwork,
  plan: SwarmPlan,
  tasks: Map<string, OwnedTask>,
): void {
  const { request, allocation, capacity } = planned;
  output.heading(request.name);
  const facts = allocation.subnets.map(({ subnet, range, vni }) => {
    const part = range.length === subnet.length ? '' : ` (addresses from ${formatPrefix(range)})`;
    return `${formatPrefix(subnet)}${part}, VNI ${vni}`;
  });
  const flags = [
    request.ingress ? 'ingress' : '',
    request.options.encrypted ? 'encrypted' : '',
    request.options.dsr ? 'DSR' : '',
    request.attachable ? 'attachable' : '',
    request.internal ? 'internal' : '',
    request.options.hasMtu ? `MTU ${request.options.mtu}` : '',
  ];
  output.line(`  ${[...facts, ...flags.filter((flag) => flag !== '')].join(', ')}`);
  const nodes = new Map(plan.swarm.containers.map(({ name, node }) => [name, node]));
  const rows = sorted(allocation.addresses).map(({ address, use, owner }): Cell[] => {
    const balancer = use === AddressUse.LoadBalancer;
    const where = balancer ? owner : use === AddressUse.Task ? tasks.get(owner)?.node : nodes.get(owner);
    return [formatAddress(address), USES[use], balancer ? '' : owner, use === AddressUse.Vip ? '' : (where ?? '')];
  });
  const columns = [
    addresses('address'),
    words('use'),
    words('name', { shorten: 'end', optional: true }),
    words('node', { shorten: 'end', optional: true }),
  ];
  for (const line of table(columns, rows)) output.line(line);
  output.line(`  ${capacityText(capacity)}`);
}

function sorted(all: readonly AllocatedAddress[]): AllocatedAddress[] {
  return [...all].sort((a, b) => Buffer.compare(a.address, b.address));
}

/** Prints a plan. */
export function printPlan(output: TextOutput, plan: SwarmPlan): void {
  const { networks, services, swarm, waiting } = plan;
  output.line(
    `${count(swarm.nodes.length, 'node')}, ${count(networks.length, 'network')}, ${count(services.length, 'service')}`,
  );
  const tasks = tasksOf(services);
  for (const network of networks) networkLines(output, network, plan, tasks);
  const ports = services.flatMap(({ service, ports: own }) =>
    own.map(({ published, target, protocol, mode }): Cell[] => [
      published === 0 ? 'chosen by the node' : String(published),
      protocol,
      mode,
      service.name,
      String(target),
    ]),
  );
  if (ports.length > 0) {
    output.heading('Published ports');
    const columns = [
      words('port'),
      words('protocol'),
      words('mode'),
      words('service', { shorten: 'end' }),
      numbers('target'),
    ];
    for (const line of table(columns, ports)) output.line(line);
  }
  if (waiting.length === 0) return;
  output.heading('Waiting for an address');
  const rows = waiting.map(({ use, owner, network }): Cell[] => [USES[use], owner, network === '' ? '-' : network]);
  const columns = [words('use'), words('name', { shorten: 'end' }), words('full network', { shorten: 'end' })];
  for (const line of table(columns, rows)) output.line(line);
}

/** A plan as JSON. */
export function planJson({ networks, services, swarm, waiting }: SwarmPlan): object {
  const tasks = tasksOf(services);
  return {
    nodes: swarm.nodes.map(({ name, advertise, dataPath, os }) => ({
      name,
      advertise: formatAddress(advertise),
      dataPath: formatAddress(dataPath),
      os,
    })),
    networks: networks.map(({ request, allocation, capacity }) => {
      const of = (use: AddressUse): readonly AllocatedAddress[] =>
        allocation.addresses.filter((one) => one.use === use);
      return {
        name: request.name,
        ingress: request.ingress,
        attachable: request.attachable,
        internal: request.internal,
        encrypted: request.options.encrypted,
        dsr: request.options.dsr,
        mtu: request.options.hasMtu ? request.options.mtu : undefined,
        labels: request.labels,
        subnets: allocation.subnets.map(({ subnet, range, gateway, vni }) => ({
          subnet: formatPrefix(subnet),
          range: formatPrefix(range),
          gateway: formatAddress(gateway),
          vni,
        })),
        vips: of(AddressUse.Vip).map(({ owner, address }) => ({ service: owner, address: formatAddress(address) })),
        loadBalancers: of(AddressUse.LoadBalancer).map(({ owner, address }) => ({
          node: owner,
          address: formatAddress(address),
        })),
        tasks: of(AddressUse.Task).map(({ owner, address }) => {
          const task = tasks.get(owner);
          return {
            name: owner,
            service: task?.service,
            slot: task?.slot,
            node: task?.node,
            state: task?.state,
            address: formatAddress(address),
          };
        }),
        containers: of(AddressUse.Container).map(({ owner, address }) => ({
          name: owner,
          address: formatAddress(address),
        })),
        capacity,
      };
    }),
    services: services.map(({ service, ports }) => serviceJson(service, ports)),
    waiting,
  };
}

function serviceJson(service: Service, ports: PlannedService['ports']): object {
  const { name, mode, networks, tasks } = service;
  return {
    name,
    mode,
    networks,
    ports: ports.map((port) => ({ ...port, published: port.published === 0 ? undefined : port.published })),
    ingress: ports.some((port) => port.mode === PublishMode.Ingress),
    tasks: tasks.filter(({ state }) => !hasEnded(state)).length,
  };
}
