/** The addresses of a node's gateway network. Docker gives out the lowest free one, unlike those of overlays. */
import { formatPrefix, type GatewaySettings, type Prefix, prefixContains } from '../../overlay/index.js';
import { getWord, putWord } from '../../memory/internal.js';
import { formatIpv4 } from '../../wire/index.js';
import { GatewayError } from './error.js';

/** Longest prefix that leaves room for a gateway and another address beside network and broadcast address. */
const LONGEST_PREFIX = 30;

/**
 * Addresses in a gateway's subnet. The ingress load balancer has the lowest one, whether it runs or not: in Docker its
 * sandbox is there first.
 * @example
 * import { parsePrefix } from 'vtep/overlay';
 * import { GatewayAddresses } from 'vtep/service';
 * import { formatIpv4, parseIpv4 } from 'vtep/wire';
 *
 * const addresses = new GatewayAddresses(parsePrefix('172.18.0.0/16'), parseIpv4('172.18.0.1'));
 * console.log(formatIpv4(addresses.sandbox)); // 172.18.0.2
 * console.log(formatIpv4(addresses.take('web.1'))); // 172.18.0.3
 */
export class GatewayAddresses {
  /** The address of the ingress load balancer's front leg: 4 bytes. */
  readonly sandbox: Uint8Array;
  readonly #first: number;
  readonly #last: number;
  readonly #used = new Set<number>();
  readonly #held = new Map<string, number>();
  /** No address below this one is free. */
  #lowest: number;

  /**
   * @param subnet of IPv4, with a prefix length of at most 30
   * @param gateway the host's address in it: 4 bytes
   * @throws GatewayError `BAD_GATEWAY`; `GATEWAY_FULL` if there is no room for the load balancer
   */
  constructor(subnet: Prefix, gateway: Uint8Array) {
    if (subnet.address.length !== 4 || subnet.length > LONGEST_PREFIX) {
      throw new GatewayError(
        'BAD_GATEWAY',
        `a gateway's subnet is IPv4, with a prefix length of at most ${LONGEST_PREFIX}, not ${formatPrefix(subnet)}`,
      );
    }
    if (gateway.length !== 4 || !prefixContains(subnet, gateway)) {
      const what = gateway.length === 4 ? formatIpv4(gateway) : 'the gateway';
      throw new GatewayError('BAD_GATEWAY', `${what} is not in the gateway's subnet ${formatPrefix(subnet)}`);
    }
    const network = getWord(subnet.address, 0) >>> 0;
    const broadcast = network + 2 ** (32 - subnet.length) - 1;
    const host = getWord(gateway, 0) >>> 0;
    if (host === network || host === broadcast) {
      throw new GatewayError(
        'BAD_GATEWAY',
        `${formatIpv4(gateway)} is the network or broadcast address of ${formatPrefix(subnet)}`,
      );
    }
    this.#first = network + 1;
    this.#last = broadcast - 1;
    this.#lowest = this.#first;
    this.#used.add(host);
    this.sandbox = bytesOf(this.#takeLowest());
  }

  /**
   * The address of a container: that which it has, or the lowest free one.
   * @param key identifies the container
   * @returns 4 bytes
   * @throws GatewayError `GATEWAY_FULL`
   */
  take(key: string): Uint8Array {
    const held = this.#held.get(key);
    if (held !== undefined) return bytesOf(held);
    const address = this.#takeLowest();
    this.#held.set(key, address);
    return bytesOf(address);
  }

  /** Frees a container's address, if it has one. */
  release(key: string): void {
    const address = this.#held.get(key);
    if (address === undefined) return;
    this.#held.delete(key);
    this.#used.delete(address);
    this.#lowest = Math.min(this.#lowest, address);
  }

  #takeLowest(): number {
    let address = this.#lowest;
    while (this.#used.has(address)) address++;
    this.#lowest = address;
    if (address > this.#last) throw new GatewayError('GATEWAY_FULL', 'no address is left in the gateway network');
    this.#used.add(address);
    return address;
  }
}

/**
 * The address of the ingress load balancer's front leg, to which connections to published ports come.
 * @param gateway undefined without one
 * @returns undefined also for settings that `GatewayAddresses` refuses
 */
export function sandboxAddress(gateway: GatewaySettings | undefined): string | undefined {
  if (gateway === undefined) return undefined;
  try {
    return formatIpv4(new GatewayAddresses(gateway.subnet, gateway.gateway).sandbox);
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

function bytesOf(address: number): Uint8Array {
  const bytes = new Uint8Array(4);
  putWord(bytes, 0, address);
  return bytes;
}
