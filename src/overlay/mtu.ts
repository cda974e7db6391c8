/**
 * MTU arithmetic of overlays: what the headers take, line by line, what is left for a container's IP packet, and what
 * Docker sets, which doesn't depend on the underlay (moby daemon/libnetwork/drivers/overlay, maxMTU).
 */
import { ESP_HEADER_BYTES, ESP_TRAILER_BYTES, espBytes } from '../ipsec/index.js';
import { ETHERNET_SPAN, IPV4_SPAN, IPV6_SPAN, TCP_SPAN, UDP_SPAN, VLAN_SPAN, VXLAN_SPAN } from '../wire/index.js';
import { OverlayError } from './error.js';

/** How packets go over the underlay. */
export interface PathOptions {
  /** Bytes of an IP packet that the underlay carries. */
  readonly underlayMtu: number;
  /** IP version of the underlay. */
  readonly family: 4 | 6;
  /** ESP around VXLAN; none if not said. */
  readonly esp?: EspOverhead;
  /** VLAN tags in the inner frame; 0. */
  readonly innerTags?: number;
}

/** A path, and the network's option for Docker. */
export interface MtuQuestion extends PathOptions {
  /**
   * The network's `com.docker.network.driver.mtu`: the underlay's MTU as Docker is told it.
   * @default 1500, whatever the underlay's is
   */
  readonly driverMtu?: number;
}

/** What of ESP takes room. */
export interface EspOverhead {
  /** Bytes of the ICV: 8 (Docker), 12 or 16. */
  readonly icvLength: number;
  /** Whether tunnel mode puts an IP header of its own inside: of which version. */
  readonly tunnel?: 4 | 6;
  /** Whether ESP goes in UDP (RFC 3948). */
  readonly encap?: boolean;
}

/** One step of the arithmetic. */
export interface MtuStep {
  readonly what: string;
  /** Bytes that it takes. */
  readonly bytes: number;
  /** Bytes that are left behind it. */
  readonly left: number;
}

/** What fits. */
export interface MtuAnswer {
  readonly steps: readonly MtuStep[];
  /** Largest inner IP packet, in bytes. */
  readonly innerMtu: number;
  /** Largest TCP segment inside, without options: over IPv4 and over IPv6. */
  readonly mss4: number;
  readonly mss6: number;
  /**
   * What Docker sets, and whether that fits: `docker - innerMtu` bytes too many if positive. Undefined for a path that
   * Docker doesn't make: another ICV than 8 bytes, tunnel mode, or ESP in UDP.
   */
  readonly docker?: number;
  readonly dockerExcess?: number;
  /** The `com.docker.network.driver.mtu` with which Docker sets the largest MTU that fits. */
  readonly dockerOption?: number;
}

/** Docker's value for a network without the option. It doesn't look at the underlay. */
export const DOCKER_DRIVER_MTU = 1500;
const DOCKER_ICV = 8;
const DOCKER_VXLAN = 50;
const DOCKER_ESP = 26;
const ALIGNMENT = 4;

/**
 * The MTU that Docker gives to containers, whatever the underlay is.
 * @param driverMtu the network's `com.docker.network.driver.mtu`; 1500 without it
 */
export function dockerMtu(driverMtu: number, encrypted: boolean): number {
  const plain = driverMtu - DOCKER_VXLAN;
  if (!encrypted) return plain;
  const left = plain - DOCKER_ESP;
  return left - (left % ALIGNMENT);
}

/** Bytes of the outer IP packet that carries an inner IP packet. */
export function outerLength(innerBytes: number, options: Omit<PathOptions, 'underlayMtu'>): number {
  const ip = options.family === 4 ? IPV4_SPAN : IPV6_SPAN;
  const frame = innerBytes + ETHERNET_SPAN + (options.innerTags ?? 0) * VLAN_SPAN;
  const datagram = frame + VXLAN_SPAN + UDP_SPAN;
  const { esp } = options;
  if (esp === undefined) return ip + datagram;
  const tunnel = esp.tunnel === undefined ? 0 : esp.tunnel === 4 ? IPV4_SPAN : IPV6_SPAN;
  return ip + (esp.encap === true ? UDP_SPAN : 0) + espBytes(datagram + tunnel, esp.icvLength);
}

/**
 * The largest inner MTU of a path, with the arithmetic.
 * @throws OverlayError `BAD_MTU` if nothing is left
 */
export function mtuOf(options: MtuQuestion): MtuAnswer {
  const { underlayMtu, family, esp, innerTags = 0, driverMtu = DOCKER_DRIVER_MTU } = options;
  const steps: MtuStep[] = [];
  let left = underlayMtu;
  const take = (what: string, bytes: number): void => {
    left -= bytes;
    steps.push({ what, bytes, left });
  };
  take(`outer IPv${family} header`, family === 4 ? IPV4_SPAN : IPV6_SPAN);
  if (esp !== undefined) {
    if (esp.encap === true) take('UDP header around ESP (RFC 3948)', UDP_SPAN);
    take('ESP header: SPI, sequence number, IV', ESP_HEADER_BYTES);
    take(`ESP ICV`, esp.icvLength);
    take('ESP trailer: pad length, next header', ESP_TRAILER_BYTES);
    // The sealed bytes with their trailer are a multiple of 4: what doesn't fill one is lost.
    const sealed = left + ESP_TRAILER_BYTES;
    take('rounded down to whole words of 4 bytes', sealed % ALIGNMENT);
    if (esp.tunnel !== undefined) take(`IPv${esp.tunnel} header inside ESP`, esp.tunnel === 4 ? IPV4_SPAN : IPV6_SPAN);
  }
  take('outer UDP header', UDP_SPAN);
  take('VXLAN header', VXLAN_SPAN);
  take('inner Ethernet header', ETHERNET_SPAN);
  if (innerTags > 0) take(`inner VLAN tags: ${innerTags}`, innerTags * VLAN_SPAN);
  if (left <= 0) {
    throw new OverlayError('BAD_MTU', `an underlay MTU of ${underlayMtu} bytes leaves no room for a packet inside`);
  }
  return {
    steps,
    innerMtu: left,
    mss4: Math.max(0, left - IPV4_SPAN - TCP_SPAN),
    mss6: Math.max(0, left - IPV6_SPAN - TCP_SPAN),
    ...(isDockers(esp) ? dockerAnswer(driverMtu, left, esp !== undefined) : {}),
  };
}

function isDockers(esp: EspOverhead | undefined): boolean {
  return esp === undefined || (esp.icvLength === DOCKER_ICV && esp.tunnel === undefined && esp.encap !== true);
}

function dockerAnswer(
  driverMtu: number,
  innerMtu: number,
  encrypted: boolean,
): Pick<MtuAnswer, 'docker' | 'dockerExcess' | 'dockerOption'> {
  const docker = dockerMtu(driverMtu, encrypted);
  // Encrypted, up to three bytes more make no difference to Docker: the round number of them is the one to tell.
  const dockerOption = innerMtu + DOCKER_VXLAN + (encrypted ? DOCKER_ESP : 0);
  return { docker, dockerExcess: docker - innerMtu, dockerOption };
}
