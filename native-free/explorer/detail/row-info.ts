/** What a row of the list says of a packet, from its bytes: what the columns of the index don't have. */
import { Verdict } from '../../../src/dataplane/index.js';
import { describePacket, type PacketDescription } from '../../../src/inspect/internal.js';
import { formatSpi } from '../../../src/ipsec/index.js';
import { LinkType } from '../../../src/wire/index.js';
import { openPacket, type OpeningOptions } from './opened-packet.js';
import type { ReadPacket } from './packet-reader.js';

/** The columns of a row. */
export interface RowInfo {
  /** The packet on the wire; after decryption, what ESP held. */
  readonly outer: PacketDescription;
  /** The frame in VXLAN. */
  readonly inner: PacketDescription | undefined;
  /** Remarks: ESP, and whether it waits for further fragments. */
  readonly remarks: string;
}

/**
 * Describes a packet as `vtep inspect --packets` does.
 * @param fragments packets before it that may be fragments of it
 */
export function rowInfo(packet: ReadPacket, fragments: readonly ReadPacket[], options: OpeningOptions): RowInfo {
  const { decoder, verdict, inner } = openPacket(packet, fragments, options);
  const { outer, outerBytes, capturedEnd, vni, frameOffset, frameEnd } = decoder;
  const isEthernet =
    packet.linkType === LinkType.Ethernet && !decoder.opened && decoder.depth === 0 && decoder.parts <= 1;
  const remarks: string[] = [];
  if (decoder.encrypted) remarks.push(`ESP SPI=${formatSpi(decoder.spi)} seq=${decoder.sequence}`);
  if (verdict === Verdict.Held) remarks.push('held for reassembly');
  return {
    outer: describePacket(outerBytes, outer, isEthernet ? 0 : -1, capturedEnd),
    inner: vni < 0 ? undefined : describePacket(outerBytes, inner, frameOffset, Math.min(frameEnd, capturedEnd)),
    remarks: remarks.join(', '),
  };
}
