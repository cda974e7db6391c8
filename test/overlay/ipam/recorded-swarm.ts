/** A recorded swarm of Docker 20.10, and what was asked of it. */
import { readFileSync } from 'node:fs';
import type { Service, Swarm } from '../../../src/overlay/index.js';
import { parseIp, parsePrefix } from '../../../src/overlay/index.js';
import { parsePublishedPort, readDriverOptions } from '../../../src/overlay/services/index.js';
import { fixture } from '../../repository.js';

/** The file in fixtures/services. */
interface Recording {
  readonly nodes: readonly { readonly name: string; readonly address: string }[];
  readonly networks: readonly {
    readonly name: string;
    readonly subnet: string;
    readonly gateway: string;
    readonly vni: number;
    readonly ingress: boolean;
    readonly attachable: boolean;
    readonly options: Readonly<Record<string, string>>;
  }[];
  readonly services: readonly {
    readonly name: string;
    readonly mode: Service['mode'];
    readonly networks: readonly string[];
    readonly ports: readonly string[];
    readonly vips: Readonly<Record<string, string>>;
    readonly tasks: readonly {
      readonly slot: number;
      readonly node: string;
      readonly addresses: Readonly<Record<string, string>>;
    }[];
  }[];
  readonly loadBalancers: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly afterScaling: {
    readonly service: string;
    readonly slots: readonly number[];
    readonly container: {
      readonly name: string;
      readonly network: string;
      readonly node: string;
      readonly address: string;
    };
  };
}

/** The recording: what `docker ... inspect` showed. */
export const RECORDED = JSON.parse(readFileSync(fixture('services/20.10-swarm.json'), 'utf8')) as Recording;

/** What its manager was asked for: no address but the subnets that were given by hand. */
export function askedFor(): Swarm {
  return {
    nodes: RECORDED.nodes.map(({ name, address }) => {
      return { name, advertise: parseIp(address), dataPath: parseIp(address), os: 'linux' };
    }),
    networks: RECORDED.networks.map(({ name, subnet, ingress, attachable, options }) => ({
      name,
      subnets: ingress ? [] : [{ subnet: parsePrefix(subnet) }],
      options: readDriverOptions(options),
      labels: {},
      attachable,
      internal: false,
      ingress,
    })),
    services: RECORDED.services.map(({ name, mode, networks, ports, tasks }) => ({
      name,
      mode,
      networks: networks.map((network) => ({ network, aliases: [] })),
      ports: ports.flatMap(parsePublishedPort),
      tasks: tasks.map(({ slot, node }) => ({ slot, node, state: 'running' })),
    })),
    containers: [],
    pools: { order: 'next' },
  };
}
