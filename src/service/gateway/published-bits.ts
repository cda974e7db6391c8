/** Which ports are published, one bit per port: looked up for frames between a container and the load balancer. */
import type { PortProtocol } from '../../overlay/index.js';
import { IpProtocol } from '../../wire/index.js';

const BYTES = 65_536 / 8;

/** A published port, as the outside sees it. */
export interface OpenPort {
  readonly protocol: PortProtocol;
  /** 1 to 65535. */
  readonly port: number;
}

/** Published ports of TCP, UDP and SCTP. */
export class PublishedBits {
  readonly #tcp = new Uint8Array(BYTES);
  readonly #udp = new Uint8Array(BYTES);
  readonly #sctp = new Uint8Array(BYTES);

  /** Replaces all ports. */
  set(ports: readonly OpenPort[]): void {
    const bits = { tcp: this.#tcp, udp: this.#udp, sctp: this.#sctp };
    for (const list of Object.values(bits)) list.fill(0);
    for (const { protocol, port } of ports) bits[protocol][port >>> 3] |= 1 << (port & 7);
  }

  /**
   * Whether a port is published.
   * @param protocol the IP protocol number
   */
  has(protocol: number, port: number): boolean {
    switch (protocol) {
      case IpProtocol.Tcp:
        return (this.#tcp[port >>> 3] & (1 << (port & 7))) !== 0;
      case IpProtocol.Udp:
        return (this.#udp[port >>> 3] & (1 << (port & 7))) !== 0;
      case IpProtocol.Sctp:
        return (this.#sctp[port >>> 3] & (1 << (port & 7))) !== 0;
      default:
        return false;
    }
  }
}
