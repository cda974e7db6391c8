/** Addresses of other nodes, as others name them. */

const CLASS_D = 224;
const LOOPBACK = 127;
/** Bytes before the IPv4 address in an IPv4-mapped or IPv4-compatible IPv6 address, without the mark of a mapped one. */
const EMBEDDED = 10;

/**
 * Whether an address can be that of a single other node: of the same family as this node's, and not unspecified, a group
 * or the limited broadcast address. Loopback addresses can if this node has one, too, as in tests. The broadcast address
 * of a subnet can't be told from others; the system refuses to send to it.
 * @param address 4 or 16 bytes
 * @param own this node's: 4 or 16 bytes
 */
export function isNodeAddress(address: Uint8Array, own: Uint8Array): boolean {
  if (address.length !== own.length) return false;
  if (address.length === 4) {
    const [first] = address;
    return first > 0 && first < CLASS_D && (first !== LOOPBACK || own[0] === LOOPBACK);
  }
  if (address[0] === 0xff || address.every((byte) => byte === 0)) return false;
  // Loopback, or an IPv4 address that the checks above don't see.
  return !isEmbedded(address) || isEmbedded(own);
}

function isEmbedded(address: Uint8Array): boolean {
  for (let i = 0; i < EMBEDDED; i++) if (address[i] !== 0) return false;
  return true;
}
