/** Which service has which published port, as a swarm's manager keeps them. */
import { OverlayError } from '../error.js';
import { SerialIds } from '../ipam/serial-ids.js';
import { ServiceMode } from './model.js';
import { portName, PortProtocol, PublishMode, type PublishedPort } from './published-port.js';

/** The range from which a port is chosen. */
const FIRST_DYNAMIC = 30_000;
const LAST_DYNAMIC = 32_767;

/** The ports of one protocol. */
interface ProtocolPorts {
  /** Ports of the ingress network. */
  readonly ids: SerialIds;
  /** The services that have a port in ingress and host mode; several may have the same in host mode. */
  readonly ingress: Map<number, string>;
  readonly host: Map<number, string>;
}

function newPorts(next = FIRST_DYNAMIC): ProtocolPorts {
  return { ids: new SerialIds(next), ingress: new Map(), host: new Map() };
}

/** Where the search for the next port of each protocol begins. */
export type NextPorts = Readonly<Record<PortProtocol, number>>;

/** The published ports of all services. TCP, UDP and SCTP have their own. */
export class PortTable {
  readonly #protocols: Readonly<Record<PortProtocol, ProtocolPorts>>;

  /** @param next where each search begins. Default: at the first port of the range */
  constructor({ tcp, udp, sctp }: Partial<NextPorts> = {}) {
    this.#protocols = {
      [PortProtocol.Tcp]: newPorts(tcp),
      [PortProtocol.Udp]: newPorts(udp),
      [PortProtocol.Sctp]: newPorts(sctp),
    };
  }

  /** Where the next searches begin. */
  get next(): NextPorts {
    const { tcp, udp, sctp } = this.#protocols;
    return { tcp: tcp.ids.next, udp: udp.ids.next, sctp: sctp.ids.next };
  }

  /**
   * Publishes a service's ports, and chooses those that are 0 in ingress mode: from 30000 to 32767, each after the one
   * before. In host mode the node chooses, so they stay 0.
   * @returns the ports in the order given
   * @throws OverlayError `REFUSED` in Docker's words, or `NO_PORT`; then none is published
   */
  publish(service: string, mode: ServiceMode, ports: readonly PublishedPort[]): PublishedPort[] {
    this.#check(service, mode, ports);
    for (const { protocol, published, mode: publishMode } of ports) {
      if (published === 0) continue;
      const { ids, ingress, host } = this.#protocols[protocol];
      if (publishMode === PublishMode.Host) {
        if (!host.has(published)) host.set(published, service);
      } else {
        ids.claim(published);
        ingress.set(published, service);
      }
    }
    const chosen: PublishedPort[] = [];
    try {
      return ports.map((port) => {
        if (port.published !== 0 || port.mode === PublishMode.Host) return port;
        const { ids, ingress } = this.#protocols[port.protocol];
        const published = ids.take(FIRST_DYNAMIC, LAST_DYNAMIC);
        if (published === undefined) {
          throw new OverlayError(
            'NO_PORT',
            `no ${port.protocol} port is left between ${FIRST_DYNAMIC} and ${LAST_DYNAMIC}`,
          );
        }
        ingress.set(published, service);
        chosen.push({ ...port, published });
        return { ...port, published };
      });
    } catch (error) {
      this.release(service, [...ports, ...chosen]);
      throw error;
    }
  }

  /** Frees a service's ports. A chosen one is given out again only after all others. */
  release(service: string, ports: readonly PublishedPort[]): void {
    for (const { protocol, published, mode } of ports) {
      const { ids, ingress, host } = this.#protocols[protocol];
      const owners = mode === PublishMode.Host ? host : ingress;
      if (owners.get(published) !== service) continue;
      owners.delete(published);
      if (mode === PublishMode.Ingress) ids.release(published);
    }
  }

  #check(service: string, mode: ServiceMode, ports: readonly PublishedPort[]): void {
    const own = new Set<string>();
    for (const { protocol, published, mode: publishMode } of ports) {
      if (publishMode === PublishMode.Ingress && mode === ServiceMode.DnsRr) {
        throw new OverlayError(
          'REFUSED',
          "EndpointSpec: port published with ingress mode can't be used with dnsrr mode",
        );
      }
      if (published === 0) continue;
      const key = portName({ published, protocol });
      if (own.has(key)) throw new OverlayError('REFUSED', 'EndpointSpec: duplicate published ports provided');
      own.add(key);
      const { ingress, host } = this.#protocols[protocol];
      const holder = ingress.get(published);
      if (holder !== undefined && holder !== service) throw inUse(published, holder, 'an ingress port');
      const onHost = publishMode === PublishMode.Ingress ? host.get(published) : undefined;
      if (onHost !== undefined && onHost !== service) throw inUse(published, onHost, 'a host-published port');
    }
  }
}

function inUse(port: number, service: string, as: string): OverlayError {
  return new OverlayError('REFUSED', `port '${port}' is already in use by service '${service}' as ${as}`);
}
