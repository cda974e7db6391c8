/** Checks what entries of other nodes say, before a node takes it over. */
import type { EndpointRecord } from '../wire/messages.js';
import { isFault } from '../wire/index.js';
import { decodeEndpointRecord, decodePeerRecord } from '../wire/record-codec.js';
import { addressOf, type PeerEndpoint, peerEndpointOf } from '../wire/overlay-records.js';
import { LearnedRefusal } from './learned-counts.js';

/** Longest name that DNS can have as text. */
const MAX_NAME = 253;
const CLASS_D = 224;

/**
 * What a value of `overlay_peer_table` says.
 * @param vtepBytes length of a VTEP address of this node's family, 4 or 16
 */
export function readPeer(value: Uint8Array, vtepBytes: number): PeerEndpoint | LearnedRefusal {
  const record = decodePeerRecord(value);
  const peer = isFault(record) ? record : peerEndpointOf(record);
  if (isFault(peer)) return LearnedRefusal.BadRecord;
  const { mac, vtep } = peer;
  if ((mac[0] & 1) !== 0 || mac.every((byte) => byte === 0)) return LearnedRefusal.BadMac;
  return vtep.length === vtepBytes && isUnicast(vtep) ? peer : LearnedRefusal.BadVtep;
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

function isUnicast(address: Uint8Array): boolean {
  if (address.length === 4) return address[0] > 0 && address[0] < CLASS_D;
  return address[0] !== 0xff && address.some((byte) => byte !== 0);
}
