/** Records gossip, whose messages and streams only make sense with those before them. */
import type { Layers } from '../../wire/index.js';
import { isGossip } from '../gossip/gossip-survey.js';
import { PacketRecords } from './packet-records.js';

/** How many bytes are kept of a packet, from its IP header on, if they were captured. */
export function keptOfGossip({ networkOffset, networkEnd }: Layers): number {
  return networkEnd - networkOffset;
}

/** Takes the packets that a `GossipSurvey` would take. */
export class GossipRecords {
  readonly packets = new PacketRecords();

  add(bytes: Uint8Array, layers: Layers, capturedEnd: number, seconds: number, nanoseconds: number): void {
    if (!isGossip(layers)) return;
    this.packets.addIp(bytes, layers, keptOfGossip(layers), capturedEnd, 0, 0, seconds, nanoseconds);
  }
}
