/** Socket addresses for system calls: struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)). */

/** Length of the larger one in bytes. */
export const SOCKADDR_BYTES = 28;

/** Address families (include/linux/socket.h). */
export const AddressFamily = { Inet: 2, Inet6: 10 } as const;

const INET_BYTES = 16;
const ADDRESS4 = 4;
const ADDRESS6 = 8;

/**
 * Writes an address and a port.
 * @param bytes with 28 bytes from `offset`
 * @param address 4 or 16 bytes
 * @param port host order
 * @returns its length in bytes
 */
export function putSocketAddress(bytes: Uint8Array, offset: number, address: Uint8Array, port: number): number {
  const inet = address.length === 4;
  bytes.fill(0, offset, offset + SOCKADDR_BYTES);
  bytes[offset] = inet ? AddressFamily.Inet : AddressFamily.Inet6;
  bytes[offset + 2] = port >>> 8;
  bytes[offset + 3] = port;
  bytes.set(address, offset + (inet ? ADDRESS4 : ADDRESS6));
  return inet ? INET_BYTES : SOCKADDR_BYTES;
}

/** Offset of the IP address in a socket address at `offset`: 4 or 16 bytes, in network order. */
export function addressIn(offset: number, family: number): number {
  return offset + (family === 4 ? ADDRESS4 : ADDRESS6);
}
