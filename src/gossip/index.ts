/**
 * The gossip of a Docker swarm, without sockets or clocks: HashiCorp's memberlist, and Docker's NetworkDB on top of it.
 *
 * - {@link decodePacket} and {@link StreamDecoder} read what arrives on port 7946 by UDP and TCP; {@link encodePacket}
 *   and {@link encodeStream} write it. {@link GossipKeyring} holds the keys.
 * - {@link forEachGossip} reads NetworkDB's messages in it, {@link decodePeerRecord} and {@link decodeEndpointRecord} the
 *   records of its tables.
 * @module vtep/gossip
 */
export * from './wire/index.js';
