/** The second ingress stage: decrypts ESP, a batch at a time, into IP packets. */
import { EspDrop, type InboundEsp } from '../ipsec/index.js';
import type { PacketBatch } from '../memory/index.js';
import { EtherType, HeaderError, IPV4_HEADER_LEN, isIpv4ChecksumValid, Layers } from '../wire/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason, dropReasonOfEsp, dropReasonOfHeaderError } from './drop-reason.js';
import { type Classifier, PacketKind, plainEspEnd } from './packet-kind.js';

/**
 * Whether the IP packet out of a tunnel has a valid header checksum, or is not IPv4. Truncated headers pass, and are
 * dropped by the parser.
 */
function hasValidChecksum({ etherType, start, end }: InboundEsp, bytes: Uint8Array): boolean {
  return etherType !== EtherType.Ipv4 || end - start < IPV4_HEADER_LEN || isIpv4ChecksumValid(bytes, start);
}

/** Decrypts packets with the inbound SAs of this node. */
export class Open {
  /** Packets with a valid ICV. */
  opened = 0;
  readonly #drops: DropCounters;
  readonly #classifier: Classifier;
  readonly #inbound: InboundEsp | undefined;
  readonly #layers = new Layers();
  readonly #starts: Int32Array;

  /** @param inbound undefined without keys: all packets are dropped */
  constructor(drops: DropCounters, classifier: Classifier, inbound: InboundEsp | undefined) {
    this.#drops = drops;
    this.#classifier = classifier;
    this.#inbound = inbound;
    this.#starts = new Int32Array(inbound?.capacity ?? 0);
  }

  /**
   * Decrypts a batch in place. Packets that can't be decrypted are dropped.
   * @param batch IP packets that carry ESP, sorted by `Classify`
   * @param now seconds, for SA lifetimes
   */
  run(batch: PacketBatch, now: number): void {
    const { count } = batch;
    const most = this.#inbound?.capacity ?? count;
    let kept = 0;
    for (let from = 0; from < count; from += most)
      kept = this.#part(batch, from, Math.min(count, from + most), kept, now);
    batch.count = kept;
  }

  /** Decrypts the packets from one index to another. Returns the number of packets kept so far. */
  #part(batch: PacketBatch, from: number, to: number, kept: number, now: number): number {
    const { bytes } = batch.arena;
    const inbound = this.#inbound;
    let pushed = kept;
    if (inbound?.hasManySas === true) {
      const starts = this.#starts;
      let plain = 0;
      for (let i = from; i < to; i++) {
        if (plainEspEnd(bytes, batch.start[i], batch.end[i]) >= 0) starts[plain++] = batch.start[i];
      }
      inbound.readAhead(bytes, starts, plain);
    }
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
      this.opened++;
      if (inbound.tunnelled && !hasValidChecksum(inbound, bytes)) {
        this.#drop(batch, i, DropReason.IpChecksum);
        continue;
      }
      batch.start[i] = inbound.start;
      batch.end[i] = inbound.end;
      batch.move(i, opened++);
    }
    return opened;
  }

  #push(batch: PacketBatch, i: number, now: number): DropReason {
    const inbound = this.#inbound;
    if (inbound === undefined) return DropReason.EspNoSa;
    const { bytes } = batch.arena;
    const start = batch.start[i];
    const end = batch.end[i];
    const espEnd = plainEspEnd(bytes, start, end);
    if (espEnd >= 0) return dropReasonOfEsp(inbound.pushPlain(bytes, start, espEnd, now));
    const layers = this.#layers;
    const headerError = layers.walkNetwork(
      bytes,
      bytes[start] >>> 4 === 4 ? EtherType.Ipv4 : EtherType.Ipv6,
      start,
      end,
    );
    if (headerError !== HeaderError.None) return dropReasonOfHeaderError(headerError, layers.layer);
    const classifier = this.#classifier;
    if (classifier.classify(bytes, layers, end) !== PacketKind.Esp) return DropReason.NotOverlay;
    return dropReasonOfEsp(inbound.push(bytes, layers, classifier.espOffset, classifier.espEnd, now));
  }

  #drop(batch: PacketBatch, i: number, reason: DropReason): void {
    this.#drops.add(reason);
    batch.arena.free(batch.slot[i]);
  }
}
