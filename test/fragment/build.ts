/** Datagrams, and the fragments of them. */
import {
  Layers,
  EtherType,
  ipv4Layout,
  ipv6Layout,
  ipv6FragmentLayout,
  writeIpv4Checksum,
} from '../../src/wire/index.js';
import type { Reassembler, ReassemblyOutcome } from '../../src/fragment/index.js';

/** What a datagram is told apart by. */
export interface Identity {
  readonly family?: 4 | 6;
  readonly id?: number;
  readonly source?: string;
  readonly protocol?: number;
  /** Words of 4 bytes of IPv4 options, or of 8 bytes of IPv6 destination options before the fragment header. */
  readonly options?: number;
  readonly dontFragment?: boolean;
}

/** Headers in front of a payload; `fragment` is undefined for a whole packet. */
function headers(identity: Identity, length: number, fragment?: { offset: number; more: boolean }): Uint8Array {
  const { family = 4, id = 1, protocol = 17, options = 0 } = identity;
  const more = fragment?.more === true ? 1 : 0;
  const fragmentOffset = (fragment?.offset ?? 0) / 8;
  if (family === 4) {
    const bytes = new Uint8Array(20 + 4 * options).fill(1);
    ipv4Layout.encode(
      {
        version: 4,
        ihl: 5 + options,
        dscp: 0,
        ecn: 0,
        totalLength: bytes.length + length,
        identification: id,
        reserved: 0,
        dontFragment: identity.dontFragment === true ? 1 : 0,
        moreFragments: more,
        fragmentOffset,
        ttl: 64,
        protocol,
        source: identity.source ?? '192.168.50.1',
        destination: '192.168.50.2',
      },
      bytes,
    );
    writeIpv4Checksum(bytes, 0);
    return bytes;
  }
  const extension = 8 * options;
  const bytes = new Uint8Array(40 + extension + (fragment === undefined ? 0 : 8));
  const announced = fragment === undefined ? protocol : 44;
  ipv6Layout.encode(
    {
      version: 6,
      dscp: 0,
      ecn: 0,
      flowLabel: 0,
      payloadLength: bytes.length - 40 + length,
      nextHeader: options > 0 ? 60 : announced,
      hopLimit: 64,
      source: identity.source ?? 'fd50::1',
      destination: 'fd50::2',
    },
    bytes,
  );
  if (options > 0) bytes.set([announced, options - 1, 1, extension - 4], 40);
  if (fragment !== undefined) {
    ipv6FragmentLayout.encode(
      { nextHeader: protocol, reserved: 0, fragmentOffset, reservedBits: 0, moreFragments: more, identification: id },
      bytes,
      40 + extension,
    );
  }
  return bytes;
}

/** A whole packet. */
export function whole(identity: Identity, payload: Uint8Array): Uint8Array {
  return Uint8Array.from([...headers(identity, payload.length), ...payload]);
}

/** The part of a packet that begins at `offset` of the payload. */
export function part(
  identity: Identity,
  payload: Uint8Array,
  offset: number,
  end: number,
  more = end < payload.length,
): Uint8Array {
  const data = payload.subarray(offset, end);
  return Uint8Array.from([...headers(identity, data.length, { offset, more }), ...data]);
}

const layers = new Layers();

/** Hands a packet to a reassembler. */
export function push(
  reassembler: Reassembler,
  packet: Uint8Array,
  seconds = 0,
  captured = packet.length,
): ReassemblyOutcome {
  const etherType = packet[0] >>> 4 === 4 ? EtherType.Ipv4 : EtherType.Ipv6;
  // A packet that begins elsewhere than at 0, as in a capture.
  const bytes = new Uint8Array(packet.length + 5);
  bytes.set(packet, 5);
  if (layers.walkNetwork(bytes, etherType, 5, captured + 5, bytes.length) !== 0 || !layers.isFragment) {
    throw new Error('the test made no fragment');
  }
  return reassembler.push(bytes, layers, captured + 5, seconds);
}
