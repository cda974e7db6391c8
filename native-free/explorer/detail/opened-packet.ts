/** Decodes one packet of an index: as the whole capture was decoded, but alone. */
import { UnderlayDecoder, type Verdict } from '../../../src/dataplane/index.js';
import type { InboundEsp } from '../../../src/ipsec/index.js';
import { Layers } from '../../../src/wire/index.js';
import type { ReadPacket } from './packet-reader.js';

/** A decoded packet. */
export interface OpenedPacket {
  /** Holds the result. */
  readonly decoder: UnderlayDecoder;
  readonly verdict: Verdict;
  /** Layers of the inner frame; walked only if `decoder.vni` isn't -1. */
  readonly inner: Layers;
}

/** What decodes packets. */
export interface OpeningOptions {
  /** UDP ports of VXLAN. */
  readonly ports?: readonly number[];
  /**
   * Opens ESP. Called for each packet, with SAs that have seen nothing yet: packets are looked at in any order and repeatedly, which
   * a replay window would refuse.
   * @default undefined: ESP stays sealed
   */
  readonly openEsp?: (() => InboundEsp | undefined) | undefined;
}

/**
 * Decodes a packet.
 * @param fragments packets before it that may be fragments of it
 */
export function openPacket(
  packet: ReadPacket,
  fragments: readonly ReadPacket[],
  options: OpeningOptions,
): OpenedPacket {
  const esp = options.openEsp?.();
  const decoder = new UnderlayDecoder({
    ...(esp === undefined ? {} : { esp }),
    ...(options.ports === undefined ? {} : { port: options.ports }),
  });
  for (const fragment of fragments) receive(decoder, fragment);
  const verdict = receive(decoder, packet);
  const inner = new Layers({ fromCapture: true });
  const { vni, frameOffset, frameEnd, capturedEnd, outerBytes } = decoder;
  if (vni >= 0) inner.walkEthernet(outerBytes, frameOffset, Math.min(frameEnd, capturedEnd), frameEnd);
  return { decoder, verdict, inner };
}

function receive(decoder: UnderlayDecoder, { bytes, linkType, length, seconds }: ReadPacket): Verdict {
  return decoder.receive(linkType, bytes, 0, bytes.length, Math.max(length, bytes.length), seconds);
}
