/** Wrong checksums by direction, and whether all are wrong by the same difference, as they are behind NAT. */
import type { UnderlayDecoder } from '../../dataplane/index.js';
import { CHECKSUM_NAMES } from '../../inspect/index.js';
import { IpProtocol, onesSum, pseudoHeaderSum } from '../../wire/index.js';
import type { TunnelOccurrence } from '../evidence/capture.js';
import type { AddressPairs } from './address-pairs.js';
import { EventTable } from './event-table.js';
import type { PacketStamp } from './packet-stamp.js';
import type { TunnelFrames } from './tunnel-watch.js';

/** Kinds of `ChecksumKind`. */
const OUTER_IPV4 = 0;
const OUTER_UDP = 1;
const INNER_TCP = 3;
const INNER_UDP = 4;
const INNER_ICMP = 5;

/** Wrong checksums of one kind from one VTEP to another. */
export interface WrongChecksums extends TunnelOccurrence {
  /** `outer UDP`, `inner TCP`... as in the survey. */
  readonly kind: string;
  /** Packets of this direction that have such a checksum, right ones included. */
  readonly of: number;
  /** What every one of them lacks, if it is the same: 16 bits, in one's complement. Only for outer UDP. */
  readonly difference: number | undefined;
}

/** Follows wrong checksums, which the survey finds. */
export class ChecksumWatch {
  readonly #pairs: AddressPairs;
  readonly #wrong = new EventTable();
  /** By row: the difference of all; -1 for none, -2 if they differ. */
  readonly #difference: number[] = [];

  /** @param pairs ids of the directions */
  constructor(pairs: AddressPairs) {
    this.#pairs = pairs;
  }

  /** Number of rows. */
  get size(): number {
    return this.#wrong.size;
  }

  get unlisted(): number {
    return this.#wrong.unlisted;
  }

  /**
   * Counts the wrong checksums of a frame's packet.
   * @param kinds bits by `ChecksumKind`
   */
  add(stamp: PacketStamp, tunnel: number, decoder: UnderlayDecoder, kinds: number): void {
    for (let kind = 0; kind < CHECKSUM_NAMES.length; kind++) {
      if ((kinds & (1 << kind)) === 0) continue;
      const row = this.#wrong.add(stamp, tunnel, kind, decoder.vni);
      if (row < 0) continue;
      const difference = kind === OUTER_UDP ? outerDifference(decoder) : -2;
      if (row === this.#difference.length) this.#difference.push(difference);
      else if (this.#difference[row] !== difference) this.#difference[row] = -2;
    }
  }

  /** What was wrong; `withTotals` adds how many packets there were. */
  report(): WrongChecksums[] {
    return this.#wrong.map((row) => {
      const tunnel = this.#wrong.word(row, 0);
      const kind = this.#wrong.word(row, 1);
      return {
        ...this.#wrong.occurrence(row),
        source: this.#pairs.source(tunnel),
        destination: this.#pairs.destination(tunnel),
        vni: this.#wrong.word(row, 2),
        kind: CHECKSUM_NAMES[kind],
        of: 0,
        difference: this.#difference[row] < 0 ? undefined : this.#difference[row],
      };
    });
  }
}

/** What the outer UDP checksum lacks to be right. */
function outerDifference({ outer, outerBytes }: UnderlayDecoder): number {
  const { transportOffset: start, payloadEnd: end, family, addressOffset } = outer;
  const pseudo = pseudoHeaderSum(family, outerBytes, addressOffset, IpProtocol.Udp, end - start);
  return 0xffff - onesSum(outerBytes, start, end, pseudo);
}

/** Adds how many packets of its direction have a checksum of its kind. */
export function withTotals(rows: readonly WrongChecksums[], frames: readonly TunnelFrames[]): WrongChecksums[] {
  return rows.map((row) => {
    const same = frames.filter(({ source, destination }) => source === row.source && destination === row.destination);
    const kind = CHECKSUM_NAMES.findIndex((name) => name === row.kind);
    return { ...row, of: same.reduce((sum, each) => sum + packetsWith(kind, each), 0) };
  });
}

function packetsWith(kind: number, { count, transports: { tcp, udp, icmp } }: TunnelFrames): number {
  switch (kind) {
    case OUTER_IPV4:
    case OUTER_UDP:
      return count;
    case INNER_TCP:
      return tcp;
    case INNER_UDP:
      return udp;
    default:
      return kind >= INNER_ICMP ? icmp : count;
  }
}
