/** SAs for Wireshark, which compares the source address of each packet with the SA's. */
import type { EspReport } from '../../inspect/index.js';
import { formatSpi, type SecurityAssociation } from '../../ipsec/index.js';

/**
 * Adds SAs with the source addresses that decrypted packets really have: NAT changes them, and Docker's SAs may have
 * another of a node's addresses. ESP itself doesn't need them (RFC 4301 section 4.1).
 * @param rows the packets of the capture, by SPI and addresses
 */
export function withObservedSources(
  associations: readonly SecurityAssociation[],
  rows: readonly EspReport[],
): readonly SecurityAssociation[] {
  const added: SecurityAssociation[] = [];
  for (const { spi, source, destination, opened } of rows) {
    if (opened === 0) continue;
    const fitting = associations.filter((one) => formatSpi(one.spi) === spi && one.destination === destination);
    const [first] = fitting as [SecurityAssociation?];
    if (first !== undefined && fitting.every((one) => one.source !== source)) added.push({ ...first, source });
  }
  return [...associations, ...added];
}
