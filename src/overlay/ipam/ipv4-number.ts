/** IPv4 addresses as numbers, to count with. */
import type { Prefix } from '../prefix.js';

/** An address of 4 bytes as a number of 32 bits. */
export function numberOf(address: Uint8Array): number {
  return ((address[0] << 24) | (address[1] << 16) | (address[2] << 8) | address[3]) >>> 0;
}

/** The address of a number. */
export function addressOf(number: number): Uint8Array {
  return Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);
}

/** Number of addresses in a subnet of IPv4. */
export function sizeOf({ length }: Prefix): number {
  return 2 ** (32 - length);
}

/** The last address of a subnet of IPv4. */
export function lastOf(subnet: Prefix): number {
  return numberOf(subnet.address) + sizeOf(subnet) - 1;
}
