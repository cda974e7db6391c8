/**
 * Run by restart.test.ts: a node that seals packets to two peers as fast as it can, until it is killed. It writes the
 * SPI, sequence number and IV of each packet to standard output, in place of a wire.
 */
import { randomFillSync } from 'node:crypto';
import { writeSync } from 'node:fs';
import { hkdfSha256 } from '../../../src/aead/hkdf.js';
import { nodeBackend } from '../../../src/aead/node-aead.js';
import { EspDrop, EspSealer, SequenceReservations } from '../../../src/ipsec/index.js';
import { SequenceFile } from '../../../src/live/state/sequence-file.js';
import { ClusterKey, KeyRing } from '../../../src/overlay/keys/key-ring.js';
import { NodeSas } from '../../../src/overlay/keys/node-sas.js';
import { Profile } from '../../../src/overlay/profile.js';
import { BLOCK, HEADER_BYTES } from '../wire-record.js';

const STDOUT = 1;
const HERE = Uint8Array.of(192, 168, 50, 1);
const PEERS = [Uint8Array.of(192, 168, 50, 2), Uint8Array.of(192, 168, 50, 3)];
const PAYLOAD_BYTES = 20;
const SLOT_BYTES = 96;
const UDP = 17;

const profile = process.argv.at(2);
const path = process.argv.at(3);
const aead = nodeBackend.create();
const random = (bytes: Uint8Array): void => void randomFillSync(bytes);
const reservations = new SequenceReservations({
  random,
  ...(path === undefined ? {} : { store: new SequenceFile(path), block: BLOCK }),
});
const sas = new NodeSas(HERE, aead, {
  hkdf: hkdfSha256,
  random,
  reservations,
  profile: profile === Profile.Strict ? Profile.Strict : Profile.Swarm,
});
PEERS.forEach((address, peer) => sas.addPeer(peer, address));
sas.update(new KeyRing([4, 5, 6].map((tag) => new ClusterKey(tag, new Uint8Array(16).fill(tag)))), 0);
sas.settle(0);

const sealer = new EspSealer(aead);
const bytes = new Uint8Array(PEERS.length * SLOT_BYTES);
const wire = new Uint8Array(PEERS.length * HEADER_BYTES);
for (let round = 1; ; round++) {
  const headers = PEERS.map((_, peer) => {
    const sa = sas.outbound(peer);
    if (sa === undefined) throw new Error(`no SA to peer ${peer}`);
    const offset = peer * SLOT_BYTES + HEADER_BYTES;
    const drop = sealer.push(sa, bytes, offset, offset + PAYLOAD_BYTES, UDP, 0);
    if (drop !== EspDrop.None) throw new Error(`drop ${drop} to peer ${peer}`);
    return sealer.espOffset;
  });
  sealer.flush();
  headers.forEach((header, peer) => wire.set(bytes.subarray(header, header + HEADER_BYTES), peer * HEADER_BYTES));
  writeSync(STDOUT, wire);
  // Less often than blocks end: some are reserved here, some when a packet needs them.
  if (round % 23 === 0) sas.poll(0);
  if (round % 101 === 0) sas.settle(0);
}
