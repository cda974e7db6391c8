/** Addresses of sockets as the mesh writes them. */

const MAPPED = '::ffff:';

/**
 * An address without the zone (`fe80::1%eth0`), and one of IPv4 as such, which a socket of both families has in IPv6
 * (`::ffff:192.0.2.1`).
 * @param text of a socket; undefined, or empty, if it is closed already
 */
export function plainAddress(text: string | undefined): string {
  if (text === undefined) return '';
  if (text.startsWith(MAPPED) && text.includes('.')) return text.slice(MAPPED.length);
  const zone = text.indexOf('%');
  return zone < 0 ? text : text.slice(0, zone);
}
