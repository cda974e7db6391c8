/** The second stage of the way in: ESP is opened, a batch at a time, and what it held is an IP packet again. */
import { EspDrop, type InboundEsp } from '../ipsec/index.js';
import type { PacketBatch } from '../memory/index.js';
import { checkEsp, EtherType, Fault, IpProtocol, Layers } from '../wire/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason, dropReasonOfEsp } from './drop-reason.js';

/** Opens packets with the SAs of this node. */
export class Open {
  /** Packets whose ICV was right. */
  opened = 0;
  readonly #drops: DropCounters;
  readonly #inbound: InboundEsp | undefined;
  readonly #layers = new Layers();

  /** @param inbound with as large a batch as `run` gets; none where there are no keys */
  constructor(drops: DropCounters, inbound: InboundEsp | undefined) {
    this.#drops = drops;
    this.#inbound = inbound;
  }

  /**
   * Opens a batch in place; those that can't be opened are dropped.
   * @param batch IP packets that hold ESP
   * @param now seconds of the clock that SAs live by
   */
  run(batch: PacketBatch, now: number): void {
    const { bytes } = batch.arena;
    const inbound = this.#inbound;
    let pushed = 0;
    for (let i = 0; i < batch.count; i++) {
      const reason = this.#push(batch, i, now);
      if (reason === DropReason.None) batch.move(i, pushed++);
      else this.#drop(batch, i, reason);
    }
    batch.count = 0;
    if (inbound === undefined || pushed === 0) return;
    inbound.flush();
    for (let i = 0; i < pushed; i++) {
      const drop = inbound.take(i, bytes, this.#walk(batch, i));
      if (drop !== EspDrop.None) {
        this.#drop(batch, i, dropReasonOfEsp(drop));
        continue;
      }
      this.opened++;
      batch.start[i] = inbound.start;
      batch.end[i] = inbound.end;
      batch.move(i, batch.count++);
    }
  }

  #walk(batch: PacketBatch, i: number): Layers {
    const { bytes } = batch.arena;
    const start = batch.start[i];
    this.#layers.walkNetwork(bytes, bytes[start] >>> 4 === 4 ? EtherType.Ipv4 : EtherType.Ipv6, start, batch.end[i]);
    return this.#layers;
  }

  #push(batch: PacketBatch, i: number, now: number): DropReason {
    if (this.#inbound === undefined) return DropReason.EspNoSa;
    const { bytes } = batch.arena;
    const layers = this.#walk(batch, i);
    const inUdp = layers.protocol === IpProtocol.Udp;
    const esp = inUdp ? layers.payloadOffset : layers.transportOffset;
    const end = inUdp ? layers.payloadEnd : layers.networkEnd;
    const fault = checkEsp(bytes, esp, end);
    // RFC 3948: keep-alives and IKE share the port.
    if (fault !== Fault.None) return inUdp ? DropReason.NotOverlay : DropReason.EspHeader;
    return dropReasonOfEsp(this.#inbound.push(bytes, layers, esp, end, now));
  }

  #drop(batch: PacketBatch, i: number, reason: DropReason): void {
    this.#drops.add(reason);
    batch.arena.free(batch.slot[i]);
  }
}
