/** Checks what entries of other nodes say, before a node takes it over. */
import { isNodeAddress } from '../../overlay/internal.js';
import type { EndpointRecord } from '../wire/messages.js';
import { isFault } from '../wire/index.js';
import { decodeEndpointRecord, decodePeerRecord } from '../wire/record-codec.js';
import { addressOf, type PeerEndpoint, peerEndpointOf } from '../wire/overlay-records.js';
import { LearnedRefusal } from './learned-counts.js';

/** Longest name that DNS can have as text. */
const MAX_NAME = 253;

/**
 * What a value of `overlay_peer_table` says.
 * @param own this node's VTEP: 4 or 16 bytes
 */
export function readPeer(value: Uint8Array, own: Uint8Array): PeerEndpoint | LearnedRefusal {
  const record = decodePeerRecord(value);
  const peer = isFault(record) ? record : peerEndpointOf(record);
  if (isFault(peer)) return LearnedRefusal.BadRecord;
  const { mac, vtep } = peer;
  if ((mac[0] & 1) !== 0 || mac.every((byte) => byte === 0)) return LearnedRefusal.BadMac;
  return isNodeAddress(vtep, own) ? peer : LearnedRefusal.BadVtep;
}

/** What a value of `endpoint_table` says. Docker ignores one without a name or an address, too. */
export function readEndpoint(value: Uint8Array): EndpointRecord | LearnedRefusal {
  const record = decodeEndpointRecord(value);
  if (isFault(record) || record.name === '' || addressOf(record.endpointIp) === undefined) {
    return LearnedRefusal.BadRecord;
  }
  const { name, serviceName, serviceId, aliases, taskAliases } = record;
  const isLong = [name, serviceName, serviceId, ...aliases, ...taskAliases].some(({ length }) => length > MAX_NAME);
  return isLong ? LearnedRefusal.LongName : record;
}
