/** Shared by the tests of the tables: parsed packets. */
import { Layers } from '../../src/wire/index.js';

/** The layers of an Ethernet packet. */
export function walked(packet: Uint8Array): Layers {
  const layers = new Layers();
  layers.walkEthernet(packet, 0, packet.length);
  return layers;
}
