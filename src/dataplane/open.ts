/** The second stage of the way in: ESP is opened, a batch at a time, and what it held is an IP packet again. */
import type { Aead } from '../aead/aead.js';
import { EspDrop, EspOpener, type InboundSa, type Sad, TransportPacket } from '../ipsec/index.js';
import type { PacketBatch } from '../memory/index.js';
import { getWord } from '../memory/word.js';
import { checkEsp, EtherType, Fault, IpProtocol, Layers } from '../wire/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason, dropReasonOfEsp } from './drop-reason.js';

/** Opens packets with the SAs of this node. */
export class Open {
  /** Packets whose ICV was right. */
  opened = 0;
  readonly #drops: DropCounters;
  readonly #sad: Sad<InboundSa> | undefined;
  readonly #opener: EspOpener | undefined;
  readonly #transport = new TransportPacket();
  readonly #layers = new Layers();

  /**
   * @param aead the cipher that the SAs' keys are in; none where there are no keys
   * @param capacity packets of a batch
   */
  constructor(drops: DropCounters, aead: Aead | undefined, sad: Sad<InboundSa> | undefined, capacity: number) {
    this.#drops = drops;
    this.#sad = sad;
    this.#opener = aead === undefined ? undefined : new EspOpener(aead, capacity);
  }

  /**
   * Opens a batch in place; those that can't be opened are dropped.
   * @param batch IP packets that hold ESP
   * @param now seconds of the clock that SAs live by
   */
  run(batch: PacketBatch, now: number): void {
    const { arena } = batch;
    const opener = this.#opener;
    let pushed = 0;
    for (let i = 0; i < batch.count; i++) {
      const reason = this.#push(batch, i, now);
      if (reason === DropReason.None) {
        batch.move(i, pushed++);
      } else {
        this.#drops.add(reason);
        arena.free(batch.slot[i]);
      }
    }
    batch.count = 0;
    if (opener === undefined || pushed === 0) return;
    opener.flush();
    for (let i = 0; i < pushed; i++) {
      const drop = opener.drop[i] as EspDrop;
      if (drop === EspDrop.None) {
        this.opened++;
        this.#restore(batch, i, opener);
        batch.move(i, batch.count++);
      } else {
        this.#drops.add(dropReasonOfEsp(drop));
        arena.free(batch.slot[i]);
      }
    }
  }

  #walk(batch: PacketBatch, i: number): Layers {
    const { bytes } = batch.arena;
    const start = batch.start[i];
    this.#layers.walkNetwork(bytes, bytes[start] >>> 4 === 4 ? EtherType.Ipv4 : EtherType.Ipv6, start, batch.end[i]);
    return this.#layers;
  }

  #push(batch: PacketBatch, i: number, now: number): DropReason {
    const opener = this.#opener;
    if (opener === undefined || this.#sad === undefined) return DropReason.EspNoSa;
    const { bytes } = batch.arena;
    const layers = this.#walk(batch, i);
    const inUdp = layers.protocol === IpProtocol.Udp;
    const esp = inUdp ? layers.payloadOffset : layers.transportOffset;
    const end = inUdp ? layers.payloadEnd : layers.networkEnd;
    const fault = checkEsp(bytes, esp, end);
    // RFC 3948: keep-alives and IKE share the port.
    if (fault !== Fault.None) return inUdp ? DropReason.NotOverlay : DropReason.EspHeader;
    const destination = layers.addressOffset + (layers.family === 4 ? 4 : 16);
    const sa = this.#sad.find(getWord(bytes, esp) >>> 0, layers.family, bytes, destination);
    if (sa === undefined) return DropReason.EspNoSa;
    if (inUdp !== sa.encap) return dropReasonOfEsp(sa.refuse(EspDrop.EncapMismatch));
    return dropReasonOfEsp(opener.push(sa, bytes, esp, end, now));
  }

  #restore(batch: PacketBatch, i: number, opener: EspOpener): void {
    const layers = this.#walk(batch, i);
    const nextHeader = opener.nextHeader[i];
    const payload = opener.payloadOffset[i];
    const end = opener.payloadEnd[i];
    const tunnelled = nextHeader === IpProtocol.Ipip || nextHeader === IpProtocol.Ipv6;
    batch.start[i] = tunnelled ? payload : this.#transport.restore(batch.arena.bytes, layers, payload, end, nextHeader);
    batch.end[i] = end;
  }
}
