/** Vectors from real swarms: packets, streams and table events, with every layer and what is in them. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { nodeBackend } from '../../../src/aead/index.js';
import { GossipKeyring } from '../../../src/gossip/index.js';
import { decodeHex } from '../../../src/memory/internal.js';
import { fixture } from '../../repository.js';

/** A layer of a message, from the outside in. */
export interface Layer {
  readonly layer: 'decrypted' | 'after crc' | 'decompressed';
  readonly hex: string;
  readonly crc32?: string;
  readonly lzw_hex?: string;
}

interface Vector {
  readonly kinds: string;
  readonly key_tag: number;
  readonly key: string;
  readonly nonce: string;
  readonly aad: string;
  readonly layers: readonly Layer[];
  readonly decoded: unknown;
}

/** A UDP packet. */
export interface PacketVector extends Vector {
  readonly udp_payload_hex: string;
}

/** One side of a TCP connection. */
export interface StreamVector extends Vector {
  readonly stream_hex: string;
}

/** A table event. */
export interface TableVector {
  readonly table: string;
  readonly type: string;
  readonly gossip_message_hex: string;
  readonly value_hex: string;
  readonly l_time: number;
  readonly owner: string;
  readonly network_id: string;
  readonly key: string;
  readonly residual_reap_time: number | null;
  readonly record: Readonly<Record<string, unknown>>;
}

function load(name: string): unknown {
  return JSON.parse(gunzipSync(readFileSync(fixture(`gossip/${name}.json.gz`))).toString());
}

const FILES = ['gossip-recorded', 'gossip-live'].map(
  (name) => load(name) as { readonly udp: readonly PacketVector[]; readonly tcp: readonly StreamVector[] },
);

/** All packets. */
export const PACKETS: readonly PacketVector[] = FILES.flatMap(({ udp }) => udp);

/** All streams. */
export const STREAMS: readonly StreamVector[] = FILES.flatMap(({ tcp }) => tcp);

/** Table events. */
export const TABLE_EVENTS = load('networkdb-table-events') as readonly TableVector[];

/** A ring with a vector's key, which draws the vector's nonce. */
export function ringOf({ key, key_tag, nonce }: Pick<Vector, 'key' | 'key_tag' | 'nonce'>): GossipKeyring {
  const ring = new GossipKeyring(nodeBackend.create(), (bytes) => bytes.set(decodeHex(nonce)));
  ring.add(key_tag, decodeHex(key));
  return ring;
}
