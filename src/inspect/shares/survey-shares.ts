/**
 * A survey by several threads. Each reads the whole capture, counts the packets that `PlainVxlan` assigns to it, and
 * returns a `SurveyPart`. The first thread has all others too, and takes over the parts: its survey is then what it would be
 * if it had counted all packets itself, or it says that it can't be.
 */
import { DropReason, type UnderlayDecoder } from '../../dataplane/index.js';
import type { FrameSurvey } from '../frame-survey.js';
import type { TrafficSeries } from '../flows/traffic-series.js';
import type { SizeTable } from '../size-table.js';
import { mergeEndpoints, mergeTunnels } from './merge-rows.js';
import type { EndpointPart, FirstSeen, SurveyPart, TunnelPart } from './survey-part.js';

/** What a thread counts, of what its packets can change. */
export interface SharedTables {
  readonly decoder: UnderlayDecoder;
  readonly frames: FrameSurvey;
  readonly wireSizes: SizeTable;
  readonly series: TrafficSeries;
}

/** Follows a survey that counts one share of a capture's packets. */
export class SurveyShare {
  /** Packets of the capture so far, including those of other threads. */
  packets = 0;
  readonly #tables: SharedTables;
  // The packet that each row was made for.
  readonly #tunnelFirst: number[] = [];
  readonly #endpointFirst: number[] = [];

  constructor(tables: SharedTables) {
    this.#tables = tables;
  }

  /** Records which rows the packet with this index has made; call it after every packet of the share. */
  follow(index: number): void {
    const { tunnels, endpoints } = this.#tables.frames;
    while (this.#tunnelFirst.length < tunnels.rows.length) this.#tunnelFirst.push(index);
    while (this.#endpointFirst.length < endpoints.rows.length) this.#endpointFirst.push(index);
  }

  /** What was counted. */
  part(): SurveyPart {
    const { decoder, frames, wireSizes, series } = this.#tables;
    const counts = decoder.counts();
    const drops = counts.drops.reduce((sum, count) => sum + count, 0);
    // Everything else that a packet can be changes more than is merged.
    const isPlain = counts.packets === counts.framePackets + counts.filtered.packets + drops;
    return {
      packets: this.packets,
      inexact: !isPlain || counts.drops[DropReason.None] > 0 || this.#full,
      decoder: counts,
      frames: frames.counts,
      networks: frames.networks.rows,
      tunnels: this.#tunnels(),
      endpoints: this.#endpoints(),
      wireSizes: wireSizes.part(),
      innerSizes: frames.sizes.part(),
      checksums: frames.checksums?.rows ?? [],
      series: series.part(),
    };
  }

  /**
   * Adds what other threads counted. No packet may be added afterwards.
   * @returns false if the result can't be exact; the survey is then useless
   */
  merge(parts: readonly SurveyPart[]): boolean {
    const { decoder, frames, wireSizes, series } = this.#tables;
    if (this.#full || parts.some(({ inexact }) => inexact)) return false;
    const endpoints = mergeEndpoints([this.#endpoints(), ...parts.map((part) => part.endpoints)].flat());
    if (endpoints === undefined) return false;
    const tunnels = mergeTunnels([this.#tunnels(), ...parts.map((part) => part.tunnels)].flat());
    const { addresses } = frames;
    frames.tunnels.replace(
      tunnels.map((row) => ({
        ...row,
        source: addresses.idOf(row.source),
        destination: addresses.idOf(row.destination),
        vnis: new Set(row.vnis),
        lastVni: -1,
      })),
    );
    frames.endpoints.replace(endpoints.map((row) => ({ ...row, vtep: addresses.idOf(row.vtep) })));
    for (const part of parts) {
      if (!decoder.addCounts(part.decoder) || !series.merge(part.series)) return false;
      frames.networks.merge(part.networks);
      frames.sizes.merge(part.innerSizes);
      wireSizes.merge(part.wireSizes);
      frames.checksums?.merge(part.checksums);
      for (const name of Object.keys(part.frames) as (keyof typeof part.frames)[]) {
        frames.counts[name] += part.frames[name];
      }
    }
    return !this.#full;
  }

  /** Whether a table is full: what it lists then depends on the order of all packets. */
  get #full(): boolean {
    const { frames, series } = this.#tables;
    const { addresses, networks, tunnels, endpoints } = frames;
    return [addresses, networks, tunnels, endpoints].some(({ full }) => full) || series.unlisted > 0;
  }

  #tunnels(): FirstSeen<TunnelPart>[] {
    const { addresses, tunnels } = this.#tables.frames;
    return tunnels.rows.map(({ source, destination, frames, bytes, espPackets, espBytes, vnis }, i) => ({
      first: this.#tunnelFirst[i],
      row: {
        source: addresses.text(source),
        destination: addresses.text(destination),
        frames,
        bytes,
        espPackets,
        espBytes,
        vnis: [...vnis],
      },
    }));
  }

  #endpoints(): FirstSeen<EndpointPart>[] {
    const { addresses, endpoints } = this.#tables.frames;
    return endpoints.rows.map((row, i) => ({
      first: this.#endpointFirst[i],
      row: { ...row, vtep: addresses.text(row.vtep) },
    }));
  }
}
