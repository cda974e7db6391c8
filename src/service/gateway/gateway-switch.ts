/**
 * The switch of a node's gateway network, docker_gwbridge: its ports are the host's interface, the containers' and the
 * ingress load balancer's front leg. Docker uses a Linux bridge with iptables rules.
 */
import { getWord, KeyIndex } from '../../memory/internal.js';
import {
  ArpOperation,
  ArpView,
  checkArp,
  checkIpv4,
  ETHERNET_HEADER_LEN,
  EtherType,
  formatIpv4,
  formatMac,
  HeaderError,
  IPV4_HEADER_LEN,
  Ipv4View,
} from '../../wire/index.js';
import { GatewayError } from './error.js';
import { GATEWAY_DROPS, GatewayDrop, gatewayDropName } from './gateway-drop.js';
import { type OpenPort, PublishedBits } from './published-bits.js';

/** Maximum number of ports, that of a Linux bridge (BR_MAX_PORTS). */
export const MAX_GATEWAY_PORTS = 1024;
/** First byte of 127.0.0.0/8. */
const LOOPBACK = 127;
/** Returned by `forward` for a dropped frame. */
export const NO_PORT = -1;
/** Returned by `forward` for a frame to every other port except load balancers. */
export const ALL_PORTS = -2;

/** What a port leads to. */
export const GatewayPortKind = {
  /** The host: the containers' gateway, with a route to everywhere. */
  Host: 0,
  Container: 1,
  /** The front leg of the ingress load balancer. */
  Balancer: 2,
} as const;
export type GatewayPortKind = (typeof GatewayPortKind)[keyof typeof GatewayPortKind];

/** A port's description. */
export interface GatewayPort {
  readonly kind: GatewayPortKind;
  /** 6 bytes, not a group address. */
  readonly mac: Uint8Array;
  /** 4 bytes. */
  readonly address: Uint8Array;
}

/** Options of a switch. */
export interface GatewaySwitchOptions {
  /**
   * Whether containers reach each other through it (`com.docker.network.bridge.enable_icc`).
   * @default false
   */
  readonly icc?: boolean;
  /**
   * Whether containers may only send from their own address, in IPv4 and in ARP. Docker's bridge doesn't check.
   * @default false
   */
  readonly checkAddresses?: boolean;
}

/** Sums of a switch: `in` = `out` + all `dropped`. A frame to all ports counts once. */
export interface GatewayCounts {
  readonly in: number;
  readonly out: number;
  /** Dropped frames by the name of the reason; only those that occurred. */
  readonly dropped: Readonly<Record<string, number>>;
}

/**
 * Finds the port for each frame; sends nothing itself. It doesn't learn: a port has one MAC and one address.
 *
 * What may pass follows the rules that Docker has in the host's FORWARD chain, in their order, which br_netfilter
 * applies to bridged frames too. The frames of the host itself don't pass that chain.
 *
 *     container <-> host                    yes: it isn't forwarded on the bridge
 *     load balancer <-> host                yes, likewise: published ports, and the answers
 *     container <-> container               only with icc: -i docker_gwbridge -o docker_gwbridge -j DROP
 *     container -> load balancer            with icc, or to a published port: DOCKER-INGRESS accepts it before the DROP
 *     load balancer -> container            with icc, or from a published port
 *
 * DOCKER-INGRESS looks at the port alone, so Docker also lets containers reach each other at the number of any
 * published port. Here they don't: `icc=false` is meant to separate them.
 * @example
 * import { GatewayPortKind, GatewaySwitch } from 'vtep/service';
 * import { macOfIpv4, parseIpv4 } from 'vtep/wire';
 *
 * const [dotOne, dotThree] = [parseIpv4('172.18.0.1'), parseIpv4('172.18.0.3')];
 * const gateway = new GatewaySwitch({ icc: false });
 * const host = gateway.add({ kind: GatewayPortKind.Host, mac: macOfIpv4(dotOne), address: dotOne });
 * const web = gateway.add({ kind: GatewayPortKind.Container, mac: macOfIpv4(dotThree), address: dotThree });
 * const frame = Uint8Array.of(...macOfIpv4(dotOne), ...macOfIpv4(dotThree), 0x86, 0xdd);
 * console.log(gateway.forward(frame, 0, frame.length, web) === host); // true
 */
export class GatewaySwitch {
  readonly #icc: boolean;
  readonly #checkAddresses: boolean;
  /** Ids are the ports' indices. */
  readonly #macs = new KeyIndex(2, MAX_GATEWAY_PORTS);
  readonly #addresses = new KeyIndex(1, MAX_GATEWAY_PORTS);
  readonly #portOfAddress = new Int32Array(MAX_GATEWAY_PORTS).fill(NO_PORT);
  readonly #kind = new Uint8Array(MAX_GATEWAY_PORTS);
  readonly #macHigh = new Int32Array(MAX_GATEWAY_PORTS);
  readonly #macLow = new Int32Array(MAX_GATEWAY_PORTS);
  readonly #address = new Int32Array(MAX_GATEWAY_PORTS);
  readonly #used = new Uint8Array(MAX_GATEWAY_PORTS);
  readonly #published = new PublishedBits();
  readonly #drops = new Float64Array(GATEWAY_DROPS);
  readonly #arp = new ArpView();
  readonly #ipv4 = new Ipv4View();
  #host = NO_PORT;
  #in = 0;
  #out = 0;

  constructor({ icc = false, checkAddresses = false }: GatewaySwitchOptions = {}) {
    this.#icc = icc;
    this.#checkAddresses = checkAddresses;
  }

  /** Sums since the start. */
  get counts(): GatewayCounts {
    const dropped: Record<string, number> = {};
    this.#drops.forEach((frames, reason) => {
      if (frames > 0) dropped[gatewayDropName(reason)] = frames;
    });
    return { in: this.#in, out: this.#out, dropped };
  }

  /**
   * Adds a port.
   * @returns its index, the lowest free one or that of a removed port
   * @throws GatewayError `BAD_GATEWAY`, also for a second host; `PORT_EXISTS` if another port has the MAC or the
   * address; `GATEWAY_FULL`
   */
  add({ kind, mac, address }: GatewayPort): number {
    if (mac.length !== 6 || (mac[0] & 1) !== 0 || address.length !== 4) {
      throw new GatewayError(
        'BAD_GATEWAY',
        'a port has a MAC of 6 bytes that is no group address, and an IPv4 address',
      );
    }
    if (kind === GatewayPortKind.Host && this.#host !== NO_PORT) {
      throw new GatewayError('BAD_GATEWAY', 'a gateway has one port to the host');
    }
    const high = getWord(mac, 0);
    const low = (mac[4] << 8) | mac[5];
    const word = getWord(address, 0);
    if (this.#macs.find2(high, low) >= 0) {
      throw new GatewayError('PORT_EXISTS', `another port of the gateway has the MAC ${formatMac(mac)}`);
    }
    if (this.#addresses.find1(word) >= 0) {
      throw new GatewayError('PORT_EXISTS', `another port of the gateway has the address ${formatIpv4(address)}`);
    }
    this.#macs.key[0] = high;
    this.#macs.key[1] = low;
    const port = this.#macs.add();
    if (port < 0) throw new GatewayError('GATEWAY_FULL', `a gateway has at most ${MAX_GATEWAY_PORTS} ports`);
    this.#addresses.key[0] = word;
    this.#portOfAddress[this.#addresses.add()] = port;
    this.#kind[port] = kind;
    this.#macHigh[port] = high;
    this.#macLow[port] = low;
    this.#address[port] = word;
    this.#used[port] = 1;
    if (kind === GatewayPortKind.Host) this.#host = port;
    return port;
  }

  /**
   * Removes a port. Its index may be given to another one.
   * @throws GatewayError `BAD_GATEWAY` if there is none with this index
   */
  remove(port: number): void {
    if (this.#used[port] !== 1) throw new GatewayError('BAD_GATEWAY', `the gateway has no port ${port}`);
    this.#used[port] = 0;
    this.#macs.delete(port);
    this.#addresses.delete(this.#addresses.find1(this.#address[port]));
    if (port === this.#host) this.#host = NO_PORT;
  }

  /** Replaces the published ports, at which containers reach the load balancer directly despite `icc=false`. */
  publish(ports: readonly OpenPort[]): void {
    this.#published.set(ports);
  }

  /**
   * Finds the port for a frame. ARP requests go to the owner of the address only. Other group frames go to all ports
   * with icc, and to the host without it.
   * @param bytes holds the frame, from `start` to `end`
   * @param from index of the port that it came from, which exists
   * @returns the index of the port, `ALL_PORTS`, or `NO_PORT`: dropped, and counted by reason
   */
  forward(bytes: Uint8Array, start: number, end: number, from: number): number {
    this.#in++;
    if (end - start < ETHERNET_HEADER_LEN) return this.#drop(GatewayDrop.PacketTooSmall);
    const sourceHigh = getWord(bytes, start + 6);
    const sourceLow = (bytes[start + 10] << 8) | bytes[start + 11];
    if (sourceHigh !== this.#macHigh[from] || sourceLow !== this.#macLow[from]) {
      return this.#drop(GatewayDrop.InvalidSourceMac);
    }
    const type = (bytes[start + 12] << 8) | bytes[start + 13];
    if (type === EtherType.Arp) return this.#arpFrame(bytes, start, end, from);
    if (type !== EtherType.Ipv4 && type !== EtherType.Ipv6) return this.#drop(GatewayDrop.UnhandledProtocol);
    if (from !== this.#host) {
      if (type === EtherType.Ipv4) {
        if (end - start < ETHERNET_HEADER_LEN + IPV4_HEADER_LEN) return this.#drop(GatewayDrop.PacketTooSmall);
        const ipv4 = this.#ipv4.wrap(bytes, start + ETHERNET_HEADER_LEN);
        if (bytes[ipv4.sourceOffset] === LOOPBACK || bytes[ipv4.destinationOffset] === LOOPBACK) {
          return this.#drop(GatewayDrop.Localnet);
        }
      }
      if (this.#checkAddresses && !this.#hasOwnSource(bytes, start, end, type, from)) {
        return this.#drop(GatewayDrop.InvalidSource);
      }
    }
    if ((bytes[start] & 1) !== 0) return this.#groupFrame(from);
    const to = this.#portOfMac(bytes, start);
    if (to < 0 || to === from) return this.#drop(GatewayDrop.NoTarget);
    if (
      !this.#icc &&
      from !== this.#host &&
      to !== this.#host &&
      !this.#isPublished(bytes, start, end, type, from, to)
    ) {
      return this.#drop(GatewayDrop.Isolated);
    }
    this.#out++;
    return to;
  }

  #drop(reason: GatewayDrop): number {
    this.#drops[reason]++;
    return NO_PORT;
  }

  #portOfMac(bytes: Uint8Array, at: number): number {
    return this.#macs.find2(getWord(bytes, at), (bytes[at + 4] << 8) | bytes[at + 5]);
  }

  /** ARP isn't filtered by iptables: it passes between containers, too. */
  #arpFrame(bytes: Uint8Array, start: number, end: number, from: number): number {
    const at = start + ETHERNET_HEADER_LEN;
    const error = checkArp(bytes, at, end);
    if (error !== HeaderError.None) {
      return this.#drop(error === HeaderError.Short ? GatewayDrop.PacketTooSmall : GatewayDrop.ArpIgnored);
    }
    const arp = this.#arp.wrap(bytes, at);
    if (this.#checkAddresses && from !== this.#host && !this.#hasOwnSender(bytes, from)) {
      return this.#drop(GatewayDrop.InvalidSource);
    }
    let to: number;
    if ((bytes[start] & 1) === 0) {
      to = this.#portOfMac(bytes, start);
      if (to < 0 || to === from) return this.#drop(GatewayDrop.NoTarget);
    } else {
      if (arp.operation !== ArpOperation.Request) return this.#drop(GatewayDrop.ArpIgnored);
      const owner = this.#addresses.find1(getWord(bytes, arp.targetIpOffset));
      if (owner < 0) return this.#drop(GatewayDrop.NeighbourUnknown);
      to = this.#portOfAddress[owner];
      if (to === from) return this.#drop(GatewayDrop.ArpIgnored);
    }
    this.#out++;
    return to;
  }

  /** Whether an ARP packet announces the port's own MAC and address, or is a probe without one (RFC 5227 section 1.1). */
  #hasOwnSender(bytes: Uint8Array, from: number): boolean {
    const { senderMacOffset, senderIpOffset } = this.#arp;
    if (getWord(bytes, senderMacOffset) !== this.#macHigh[from]) return false;
    if (((bytes[senderMacOffset + 4] << 8) | bytes[senderMacOffset + 5]) !== this.#macLow[from]) return false;
    const address = getWord(bytes, senderIpOffset);
    return address === this.#address[from] || address === 0;
  }

  /** Ports have no IPv6 address, so nothing in IPv6 is from their own. */
  #hasOwnSource(bytes: Uint8Array, start: number, end: number, type: number, from: number): boolean {
    const at = start + ETHERNET_HEADER_LEN;
    if (type !== EtherType.Ipv4 || checkIpv4(bytes, at, end) !== HeaderError.None) return false;
    return getWord(bytes, this.#ipv4.wrap(bytes, at).sourceOffset) === this.#address[from];
  }

  #groupFrame(from: number): number {
    const to = this.#icc ? ALL_PORTS : this.#host;
    if (to === from || to === NO_PORT) return this.#drop(GatewayDrop.NoTarget);
    this.#out++;
    return to;
  }

  /**
   * Whether a frame belongs to a published port: between a container and the load balancer. Fragments after the first
   * have no ports, and don't.
   */
  #isPublished(bytes: Uint8Array, start: number, end: number, type: number, from: number, to: number): boolean {
    const toBalancer = this.#kind[to] === GatewayPortKind.Balancer;
    if (toBalancer === (this.#kind[from] === GatewayPortKind.Balancer) || type !== EtherType.Ipv4) return false;
    const at = start + ETHERNET_HEADER_LEN;
    if (checkIpv4(bytes, at, end) !== HeaderError.None) return false;
    const ipv4 = this.#ipv4.wrap(bytes, at);
    const ports = ipv4.payloadOffset;
    if (ipv4.fragmentOffset !== 0 || ports + 4 > end) return false;
    const port = toBalancer ? (bytes[ports + 2] << 8) | bytes[ports + 3] : (bytes[ports] << 8) | bytes[ports + 1];
    return this.#published.has(ipv4.protocol, port);
  }
}
