/**
 * MTU arithmetic of overlays: the overhead of each header, the MTU left for a container's IP packet, and the MTU that
 * Docker sets regardless of the underlay (moby daemon/libnetwork/drivers/overlay, maxMTU).
 */
import { ESP_HEADER_BYTES, ESP_TRAILER_BYTES, espBytes } from '../ipsec/index.js';
import {
  ETHERNET_HEADER_LEN,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  TCP_HEADER_LEN,
  UDP_HEADER_LEN,
  VLAN_HEADER_LEN,
  VXLAN_HEADER_LEN,
} from '../wire/index.js';
import { OverlayError } from './error.js';

/** Encapsulation on the underlay. */
export interface PathOptions {
  /** MTU of the underlay: maximum IP packet length in bytes. */
  readonly underlayMtu: number;
  /** IP version of the underlay. */
  readonly family: 4 | 6;
  /**
   * ESP around VXLAN.
   * @default none
   */
  readonly esp?: EspOverhead;
  /**
   * Number of VLAN tags in the inner frame.
   * @default 0
   */
  readonly innerTags?: number;
}

/** A path, and the network's Docker option. */
export interface MtuOptions extends PathOptions {
  /**
   * The network's `com.docker.network.driver.mtu`: the underlay's MTU as configured in Docker.
   * @default 1500, whatever the underlay's is
   */
  readonly driverMtu?: number;
}

/** The overhead of ESP. */
export interface EspOverhead {
  /** ICV length in bytes: 8 (Docker), 12 or 16. */
  readonly icvLength: number;
  /** IP version of the inner IP header in tunnel mode; undefined in transport mode. */
  readonly tunnel?: 4 | 6;
  /** Whether ESP is encapsulated in UDP (RFC 3948). */
  readonly encap?: boolean;
}

/** One step of the arithmetic. */
export interface MtuStep {
  /** What takes the bytes, for people. */
  readonly what: string;
  /** Overhead in bytes. */
  readonly bytes: number;
  /** Bytes left after it. */
  readonly left: number;
}

/** The resulting MTUs. */
export interface MtuResult {
  /** The arithmetic, from the underlay inwards. */
  readonly steps: readonly MtuStep[];
  /** Largest inner IP packet, in bytes. */
  readonly innerMtu: number;
  /** Largest inner TCP segment over IPv4 without options, in bytes. */
  readonly mss4: number;
  /** Largest inner TCP segment over IPv6 without options, in bytes. */
  readonly mss6: number;
  /**
   * The MTU that Docker sets, in bytes. Undefined for a path that Docker doesn't support: an ICV other than 8 bytes,
   * tunnel mode, or ESP in UDP.
   */
  readonly docker?: number;
  /** By how many bytes Docker's MTU is too large: `docker - innerMtu`, if positive. */
  readonly dockerExcess?: number;
  /** The `com.docker.network.driver.mtu` that makes Docker set the largest MTU that fits. */
  readonly dockerOption?: number;
}

/**
 * Docker's `com.docker.network.driver.mtu` for a network that doesn't set it, in bytes. It ignores the underlay's MTU.
 */
export const DOCKER_DRIVER_MTU = 1500;
const DOCKER_ICV = 8;
const DOCKER_VXLAN = 50;
const DOCKER_ESP = 26;
const ALIGNMENT = 4;

/**
 * The MTU that Docker sets in containers, whatever the underlay is.
 * @param driverMtu the network's `com.docker.network.driver.mtu`; 1500 without it
 */
export function dockerMtu(driverMtu: number, encrypted: boolean): number {
  const plain = driverMtu - DOCKER_VXLAN;
  if (!encrypted) return plain;
  const left = plain - DOCKER_ESP;
  return left - (left % ALIGNMENT);
}

/** Length in bytes of the outer IP packet that carries an inner IP packet. */
export function outerLength(innerBytes: number, options: Omit<PathOptions, 'underlayMtu'>): number {
  const ip = options.family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
  const frame = innerBytes + ETHERNET_HEADER_LEN + (options.innerTags ?? 0) * VLAN_HEADER_LEN;
  const datagram = frame + VXLAN_HEADER_LEN + UDP_HEADER_LEN;
  const { esp } = options;
  if (esp === undefined) return ip + datagram;
  const tunnel = esp.tunnel === undefined ? 0 : esp.tunnel === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
  return ip + (esp.encap === true ? UDP_HEADER_LEN : 0) + espBytes(datagram + tunnel, esp.icvLength);
}

/**
 * Computes the largest inner MTU of a path.
 * @throws OverlayError `BAD_MTU` if nothing is left
 * @example
 * import { mtuOf } from 'vtep/overlay';
 *
 * // An encrypted Swarm network over IPv4, on an underlay with an MTU of 1500.
 * const { innerMtu, mss4 } = mtuOf({ underlayMtu: 1500, family: 4, esp: { icvLength: 8 } });
 * console.log(innerMtu, mss4); // 1424 1384
 */
export function mtuOf(options: MtuOptions): MtuResult {
  const { underlayMtu, family, esp, innerTags = 0, driverMtu = DOCKER_DRIVER_MTU } = options;
  const steps: MtuStep[] = [];
  let left = underlayMtu;
  const take = (what: string, bytes: number): void => {
    left -= bytes;
    steps.push({ what, bytes, left });
  };
  take(`outer IPv${family} header`, family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);
  if (esp !== undefined) {
    if (esp.encap === true) take('UDP header around ESP (RFC 3948)', UDP_HEADER_LEN);
    take('ESP header: SPI, sequence number, IV', ESP_HEADER_BYTES);
    take(`ESP ICV`, esp.icvLength);
    take('ESP trailer: pad length, next header', ESP_TRAILER_BYTES);
    // The sealed bytes including the trailer are a multiple of 4: a partial word is lost.
    const sealed = left + ESP_TRAILER_BYTES;
    take('rounded down to 4-byte words', sealed % ALIGNMENT);
    if (esp.tunnel !== undefined)
      take(`IPv${esp.tunnel} header inside ESP`, esp.tunnel === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);
  }
  take('outer UDP header', UDP_HEADER_LEN);
  take('VXLAN header', VXLAN_HEADER_LEN);
  take('inner Ethernet header', ETHERNET_HEADER_LEN);
  if (innerTags > 0) take(`inner VLAN tags: ${innerTags}`, innerTags * VLAN_HEADER_LEN);
  if (left <= 0) {
    throw new OverlayError('BAD_MTU', `an underlay MTU of ${underlayMtu} bytes leaves no room for an inner packet`);
  }
  return {
    steps,
    innerMtu: left,
    mss4: Math.max(0, left - IPV4_HEADER_LEN - TCP_HEADER_LEN),
    mss6: Math.max(0, left - IPV6_HEADER_LEN - TCP_HEADER_LEN),
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
): Pick<MtuResult, 'docker' | 'dockerExcess' | 'dockerOption'> {
  const docker = dockerMtu(driverMtu, encrypted);
  // With encryption, up to three more bytes make no difference to Docker: suggest the multiple of 4.
  const dockerOption = innerMtu + DOCKER_VXLAN + (encrypted ? DOCKER_ESP : 0);
  return { docker, dockerExcess: docker - innerMtu, dockerOption };
}
