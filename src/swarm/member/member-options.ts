import type { GossipEndpoint } from '../../gossip/index.js';
import { GossipError } from './gossip-error.js';

const MAX_NAME = 512;
const IPV4_BYTES = 4;
const IPV6_BYTES = 16;

/**
 * Checks a member's name and endpoint.
 * @throws GossipError `BAD_OPTION`
 */
export function checkMemberOptions(name: string, { addr, port }: GossipEndpoint): void {
  if (name === '' || Buffer.byteLength(name) > MAX_NAME) {
    throw new GossipError('BAD_OPTION', `a member's name has 1 to ${MAX_NAME} bytes`);
  }
  if (addr.length !== IPV4_BYTES && addr.length !== IPV6_BYTES) {
    throw new GossipError('BAD_OPTION', `an address has 4 or 16 bytes, not ${addr.length}`);
  }
  if (addr.every((byte) => byte === 0)) {
    throw new GossipError('BAD_OPTION', 'a member needs an address that others reach it at, not the unspecified one');
  }
  if (!Number.isInteger(port) || port < 0 || port > 0xffff) {
    throw new GossipError('BAD_OPTION', `a port is a whole number from 0 to 65535, not ${port}`);
  }
}
