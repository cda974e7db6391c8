/** The services of a dump as the records of their tasks have them: virtual IP, aliases and ports on one network. */
import { formatAddress, parseIp } from '../prefix.js';
import { ServiceMode } from '../services/model.js';
import { PortProtocol, type PublishedPort, PublishMode } from '../services/published-port.js';
import { type ServiceLabels, targetPorts } from '../services/service-labels.js';
import type { RecordService } from '../services/service-set.js';
import type { Network } from '../topology.js';
import type { ImportWarnings } from './import-warnings.js';
import { readAs } from './read-as.js';
import type { DumpService, SwarmDump } from './swarm-dump.js';
import type { SwarmEndpoint } from './swarm-endpoints.js';

/** Finds the services of endpoints. */
export class RecordServices {
  readonly #services: ReadonlyMap<string, DumpService>;
  readonly #byName: ReadonlyMap<string, DumpService>;
  /** By service and network; every task of the service has the same one. */
  readonly #made = new Map<string, RecordService>();
  readonly #indexOf: (id: string, ip: Uint8Array | undefined) => number;
  readonly #networks: readonly Network[];
  readonly #isIngress: (network: number) => boolean;
  readonly #warnings: ImportWarnings;

  /**
   * @param indexOf index of the network with Docker's id that an address belongs to; -1 if it isn't there
   * @param isIngress whether a network carries the connections to published ports
   */
  constructor(
    dump: SwarmDump,
    indexOf: (id: string, ip: Uint8Array | undefined) => number,
    networks: readonly Network[],
    isIngress: (network: number) => boolean,
    warnings: ImportWarnings,
  ) {
    this.#services = dump.services;
    this.#byName = new Map([...dump.services.values()].map((service) => [service.Spec.Name, service]));
    this.#indexOf = indexOf;
    this.#networks = networks;
    this.#isIngress = isIngress;
    this.#warnings = warnings;
  }

  /** The service of an endpoint; undefined for a plain container. */
  of(endpoint: SwarmEndpoint): RecordService | undefined {
    const { serviceId, serviceName, network } = endpoint;
    const known = this.#services.get(serviceId ?? '') ?? this.#byName.get(serviceName ?? '');
    const id = known?.ID ?? serviceId ?? serviceName;
    if (id === undefined) return undefined;
    const key = `${network} ${id}`;
    const made = this.#made.get(key) ?? this.#make(endpoint, id, known);
    this.#made.set(key, made);
    return made;
  }

  /** The labels of the services that have some. */
  get labels(): readonly ServiceLabels[] {
    return [...this.#services.values()].flatMap((service): ServiceLabels[] => {
      const { Spec, Endpoint } = service;
      const labels = Spec.Labels ?? {};
      if (Object.keys(labels).length === 0) return [];
      const attached = (Spec.TaskTemplate?.Networks ?? Spec.Networks ?? []).map(({ Target }) => Target);
      const virtual = (Endpoint?.VirtualIPs ?? []).map(({ NetworkID }) => NetworkID);
      const found = [...attached, ...virtual]
        .map((id) => this.#indexOf(id, undefined))
        .filter((network) => network >= 0 && !this.#isIngress(network));
      const networks = [...new Set(found)].map((network) => this.#networks[network].name);
      const ports = targetPorts(
        (Endpoint?.Ports ?? []).map(({ Protocol = PortProtocol.Tcp, TargetPort }) => {
          return { protocol: Protocol, target: TargetPort };
        }),
      );
      return [{ service: Spec.Name, labels, ports, networks, isImported: true }];
    });
  }

  #make(
    { serviceName, network, vip, ports }: SwarmEndpoint,
    id: string,
    known: DumpService | undefined,
  ): RecordService {
    const mode = this.#isIngress(network) ? PublishMode.Ingress : PublishMode.Host;
    if (known === undefined) {
      const assumed = ports.map((port): PublishedPort => ({ ...port, protocol: PortProtocol.Tcp, mode }));
      const name = serviceName ?? id;
      if (assumed.length > 0) {
        this.#warnings.add('ports', `service ${name}: the protocol of its ports isn't shown: TCP is assumed`);
      }
      return { id, name, vip, ports: assumed };
    }
    const { Spec, Endpoint } = known;
    const { Name: name } = Spec;
    const virtual = this.#virtualIp(known, network);
    if (virtual !== undefined && vip !== undefined && formatAddress(virtual) !== formatAddress(vip)) {
      this.#warnings.add(
        'VIP',
        `service ${name} has the virtual IP ${formatAddress(virtual)} on ${this.#networks[network].name}, but its tasks'` +
          ` records have ${formatAddress(vip)}: the first is used (were the outputs collected at different times?)`,
      );
    }
    const isDnsRr = (Endpoint?.Spec?.Mode ?? Spec.EndpointSpec?.Mode) === ServiceMode.DnsRr;
    const aliases = (Spec.TaskTemplate?.Networks ?? Spec.Networks ?? [])
      .filter(({ Target }) => this.#indexOf(Target, undefined) === network)
      .flatMap(({ Aliases }) => Aliases ?? []);
    return {
      id,
      name,
      vip: isDnsRr ? undefined : (virtual ?? vip),
      aliases,
      ports: (Endpoint?.Ports ?? [])
        .map(({ Protocol, TargetPort, PublishedPort, PublishMode: way }): PublishedPort => ({
          protocol: Protocol ?? PortProtocol.Tcp,
          target: TargetPort,
          published: PublishedPort ?? 0,
          mode: way ?? PublishMode.Ingress,
        }))
        .filter((port) => port.mode === mode),
    };
  }

  #virtualIp({ Spec, Endpoint }: DumpService, network: number): Uint8Array | undefined {
    for (const { NetworkID, Addr = '' } of Endpoint?.VirtualIPs ?? []) {
      // A service in DNS round-robin mode has an entry without an address.
      if (Addr === '') continue;
      const ip = readAs(`service ${Spec.Name}`, () => parseIp(Addr.split('/')[0]));
      if (this.#indexOf(NetworkID, ip) === network) return ip;
    }
    return undefined;
  }
}
