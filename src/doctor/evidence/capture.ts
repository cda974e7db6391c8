/** What captures hold, as findings use it. */
import type { SurveyReport } from '../../inspect/index.js';
import type { CaptureTrace } from '../capture/capture-trace.js';
import type { WrongChecksums } from '../capture/checksum-watch.js';
import type { UnansweredQueries } from '../capture/dns-watch.js';
import type { EndpointHome, PairTraffic } from '../capture/endpoint-watch.js';
import type { SpiTrace } from '../capture/esp-watch.js';
import type { OuterFragments } from '../capture/fragment-watch.js';
import type { FloodedFrames, ReservedBits } from '../capture/header-watch.js';
import type { RetransmissionStorm, TcpTrace } from '../capture/tcp-watch.js';
import type { TooBig } from '../capture/too-big-watch.js';
import type { TunnelFrames, TunnelTraffic } from '../capture/tunnel-watch.js';

/** The first of some packets, and their number. */
export interface Occurrence {
  readonly count: number;
  /** Numbers of the first packets, from 1, in ascending order; at most 5. */
  readonly packets: readonly number[];
  /** Time of the first, in seconds since 1970; undefined if the capture has no times. */
  readonly firstSeconds: number | undefined;
  readonly lastSeconds: number | undefined;
}

/** An occurrence between two VTEPs, in one direction. */
export interface TunnelOccurrence extends Occurrence {
  readonly source: string;
  readonly destination: string;
  /** VNI; -1 if unknown or of no matter. */
  readonly vni: number;
}

/** An occurrence between two addresses inside a network, in one direction. */
export interface InnerOccurrence extends TunnelOccurrence {
  readonly innerSource: string;
  readonly innerDestination: string;
}

/** A file of a capture in several files. */
export interface ExaminedFile {
  readonly name: string;
  readonly packets: number;
  /** Time of its first packet that has one. */
  readonly firstSeconds: number | undefined;
  /** Why it could not be read to its end. */
  readonly damage: string | undefined;
}

/**
 * A capture that doctor looked at: a file, or several that `tcpdump -C`, `dumpcap -b` or `vtep capture` rotated. What each table holds is in the file of `src/doctor/capture/` that collects it; its
 * type is declared there and listed here. All tables are bounded, by what `CaptureExam` says.
 */
export interface CaptureEvidence {
  /** Name of its file, or of the first one. */
  readonly file: string;
  /** Its files in order, if there are several; the packets of occurrences are numbered through all of them. */
  readonly files?: readonly ExaminedFile[];
  /** The survey of the capture: `inspect`'s report, without conversations. */
  readonly survey: SurveyReport;
  readonly firstSeconds: number | undefined;
  readonly lastSeconds: number | undefined;
  /** Why the file, or one of them, could not be read to its end; undefined if it could. */
  readonly damage: string | undefined;
  /** Whether there were keys to decrypt ESP with. */
  readonly hasKeys: boolean;
  /** Frames by VTEPs, direction and network. */
  readonly frames: readonly TunnelFrames[];
  /** ESP and gossip by VTEPs and direction. */
  readonly traffic: readonly TunnelTraffic[];
  /** Outer fragments. */
  readonly fragments: readonly OuterFragments[];
  /** ICMP messages that a packet was too big, on the underlay, in networks and in captures of containers. */
  readonly tooBig: readonly TooBig[];
  readonly wrongChecksums: readonly WrongChecksums[];
  /** ESP by SPI. */
  readonly spis: readonly SpiTrace[];
  /** Traffic inside networks by direction. */
  readonly pairs: readonly PairTraffic[];
  /** Where each inner address sends from. */
  readonly homes: readonly EndpointHome[];
  /** TCP connections with retransmissions, or that a silence cut; of networks and of captures of containers. */
  readonly tcp: readonly TcpTrace[];
  /** Sides of TCP connections that send a tenth of their segments again. */
  readonly storms: readonly RetransmissionStorm[];
  readonly unansweredQueries: readonly UnansweredQueries[];
  readonly reservedBits: readonly ReservedBits[];
  /** ARP, broadcast and multicast inside networks. */
  readonly flooded: readonly FloodedFrames[];
  /** Packets or events that aren't listed because a table is full. */
  readonly unlisted: number;
  /**
   * What identifies each packet, for `matchCaptures`; undefined if the exam kept none. Not in JSON.
   * @internal
   */
  readonly trace: CaptureTrace | undefined;
}
