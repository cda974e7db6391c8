/** A config's networks, services and endpoints, with everything that a swarm's manager assigns to them fixed. */
import { stringify } from 'yaml';
import type { WrittenConfig } from '../config-text.js';
import { AddressUse, type NetworkAllocation } from '../ipam/network-allocation.js';
import type { PlannedNetwork, PlannedService, SwarmPlan } from '../ipam/swarm-plan.js';
import { formatAddress, formatPrefix } from '../prefix.js';
import { listOf } from '../schema.js';
import { Deployment, hasEnded, type Task, taskName } from './model.js';
import { parsePublishedPort, PublishMode } from './published-port.js';

type Fields = Readonly<Record<string, unknown>>;
type Written = Readonly<Record<string, Fields | null>>;

/**
 * Writes the sections of a config that have addresses.
 * @param config what the plan was made from
 * @returns YAML
 */
export function writePinned(config: WrittenConfig, plan: SwarmPlan): string {
  const { networks, services, swarm } = plan;
  const allocations = networks.map(({ allocation }) => allocation);
  const written = (section: keyof WrittenConfig, name: string): Fields => {
    return (config[section] as Written | undefined)?.[name] ?? {};
  };
  const containers = swarm.containers.map(({ name, network }) => {
    const address = plan.networks
      .find(({ request }) => request.name === network)
      ?.allocation.find(AddressUse.Container, name);
    return [name, address === undefined ? {} : { ip: formatAddress(address) }] as const;
  });
  const addresses = new Map(containers);
  const sections = {
    networks: Object.fromEntries(
      networks.map((network) => [
        network.request.name,
        pinnedNetwork(written('networks', network.request.name), network),
      ]),
    ),
    services: Object.fromEntries(
      services.map((one) => [one.service.name, pinnedService(written('services', one.service.name), one, allocations)]),
    ),
    endpoints: Object.fromEntries(
      Object.keys(config.endpoints ?? {}).map((name) => [
        name,
        { ...written('endpoints', name), ...addresses.get(name) },
      ]),
    ),
  };
  const present = Object.entries(sections).filter(([, section]) => Object.keys(section).length > 0);
  // It has routes to the services, whose fields have their labels.
  const mesh = config.mesh === undefined ? {} : { mesh: config.mesh };
  return stringify({ ...Object.fromEntries(present), ...mesh }, { lineWidth: 0, flowCollectionPadding: true });
}

function pinnedNetwork(fields: Fields, { request, allocation }: PlannedNetwork): Fields {
  const [{ subnet, gateway, vni }] = allocation.subnets;
  const hasFour = request.subnets.some((one) => one.subnet.address.length === 4);
  const gateways = listOf(fields['gateway'] as string | readonly string[] | undefined);
  const balancers = allocation.addresses.filter(({ use }) => use === AddressUse.LoadBalancer);
  return {
    ...fields,
    // Given either as a field or as a driver option.
    ...(request.options.vnis.length > 0 ? {} : { vni }),
    ...(hasFour ? {} : { subnet: oneOrAll([...listOf(fields['subnet'] as string | undefined), formatPrefix(subnet)]) }),
    gateway: gateways.includes(formatAddress(gateway))
      ? fields['gateway']
      : oneOrAll([...gateways, formatAddress(gateway)]),
    ...(balancers.length === 0
      ? {}
      : { balancers: Object.fromEntries(balancers.map(({ owner, address }) => [owner, formatAddress(address)])) }),
  };
}

function oneOrAll(texts: readonly string[]): string | readonly string[] {
  return texts.length === 1 ? texts[0] : texts;
}

function pinnedService(
  fields: Fields,
  { service, ports }: PlannedService,
  networks: readonly NetworkAllocation[],
): Fields {
  const { name, tasks, deploy } = service;
  const of = (use: AddressUse, owner: string): Fields | undefined => {
    const own = networks.flatMap((network) => {
      const address = network.find(use, owner);
      return address === undefined ? [] : [[network.name, formatAddress(address)] as const];
    });
    return own.length === 0 ? undefined : Object.fromEntries(own);
  };
  const vip = of(AddressUse.Vip, name);
  const listed = (fields['tasks'] ?? []) as readonly Fields[];
  const pinned = tasks.map((task, i): Fields => {
    const ip = hasEnded(task.state) ? undefined : of(AddressUse.Task, taskName(name, task.slot));
    return { ...placeOf(task, deploy), ...listed.at(i), ...(ip === undefined ? {} : { ip }) };
  });
  const written = ((fields['ports'] ?? []) as readonly (string | number)[]).flatMap((port) => {
    return parsePublishedPort(String(port));
  });
  const isChosen = written.some(({ mode, published }) => mode === PublishMode.Ingress && published === 0);
  return {
    ...fields,
    ...(vip === undefined ? {} : { vip }),
    ...(isChosen
      ? {
          ports: ports.map(({ published, target, protocol, mode }) => {
            return `published=${published},target=${target},protocol=${protocol},mode=${mode}`;
          }),
        }
      : {}),
    ...(pinned.length === 0 ? {} : { tasks: pinned }),
  };
}

/** A task's slot, which a global service's tasks don't have, and its node. */
function placeOf({ slot, node }: Task, deploy: Deployment | undefined): Fields {
  const own = node === undefined ? {} : { node };
  return deploy === Deployment.Global ? own : { slot, ...own };
}
