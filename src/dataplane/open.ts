/** The second stage of the way in: ESP is opened, a batch at a time, and what it held is an IP packet again. */
import { EspDrop, type InboundEsp } from '../ipsec/index.js';
import type { PacketBatch } from '../memory/index.js';
import { checkEsp, EtherType, Fault, IPV4_SPAN, ipv4Layout, IpProtocol, Layers } from '../wire/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason, dropReasonOfEsp } from './drop-reason.js';

const PROTOCOL = ipv4Layout.offsetOf('protocol');
const FRAGMENT = ipv4Layout.bitsOf('fragmentOffset').offset;
const ANY_FRAGMENT = 0x3fff;
const VERSION_4_IHL_5 = 0x45;

/** Opens packets with the SAs of this node. */
export class Open {
  /** Packets whose ICV was right. */
  opened = 0;
  readonly #drops: DropCounters;
  readonly #inbound: InboundEsp | undefined;
  readonly #layers = new Layers();

  /** @param inbound none where there are no keys */
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
    const { count } = batch;
    const most = this.#inbound?.capacity ?? count;
    let kept = 0;
    for (let from = 0; from < count; from += most)
      kept = this.#part(batch, from, Math.min(count, from + most), kept, now);
    batch.count = kept;
  }

  /** Opens the packets from one place to another. Returns how many packets are kept then. */
  #part(batch: PacketBatch, from: number, to: number, kept: number, now: number): number {
    const { bytes } = batch.arena;
    const inbound = this.#inbound;
    let pushed = kept;
    for (let i = from; i < to; i++) {
      const reason = this.#push(batch, i, now);
      if (reason === DropReason.None) batch.move(i, pushed++);
      else this.#drop(batch, i, reason);
    }
    if (inbound === undefined || pushed === kept) return kept;
    inbound.flush();
    let opened = kept;
    for (let i = kept; i < pushed; i++) {
      const drop = inbound.take(i - kept, bytes);
      if (drop !== EspDrop.None) {
        this.#drop(batch, i, dropReasonOfEsp(drop));
        continue;
      }
      batch.start[i] = inbound.start;
      batch.end[i] = inbound.end;
      batch.move(i, opened++);
    }
    this.opened += opened - kept;
    return opened;
  }

  #push(batch: PacketBatch, i: number, now: number): DropReason {
    const inbound = this.#inbound;
    if (inbound === undefined) return DropReason.EspNoSa;
    const { bytes } = batch.arena;
    const start = batch.start[i];
    const packetEnd = batch.end[i];
    const plain = bytes[start] === VERSION_4_IHL_5 && bytes[start + PROTOCOL] === IpProtocol.Esp;
    const whole = (((bytes[start + FRAGMENT] << 8) | bytes[start + FRAGMENT + 1]) & ANY_FRAGMENT) === 0;
    if (plain && whole && checkEsp(bytes, start + IPV4_SPAN, packetEnd) === Fault.None) {
      return dropReasonOfEsp(inbound.pushPlain(bytes, start, packetEnd, now));
    }
    const layers = this.#layers;
    layers.walkNetwork(bytes, bytes[start] >>> 4 === 4 ? EtherType.Ipv4 : EtherType.Ipv6, start, packetEnd);
    const inUdp = layers.protocol === IpProtocol.Udp;
    const esp = inUdp ? layers.payloadOffset : layers.transportOffset;
    const end = inUdp ? layers.payloadEnd : layers.networkEnd;
    const fault = checkEsp(bytes, esp, end);
    // RFC 3948: keep-alives and IKE share the port.
    if (fault !== Fault.None) return inUdp ? DropReason.NotOverlay : DropReason.EspHeader;
    return dropReasonOfEsp(inbound.push(bytes, layers, esp, end, now));
  }

  #drop(batch: PacketBatch, i: number, reason: DropReason): void {
    this.#drops.add(reason);
    batch.arena.free(batch.slot[i]);
  }
}
