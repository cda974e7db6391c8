/** Conversations as plain objects: who talked to whom, and how it went. */
import { TcpFlag } from '../../wire/index.js';

/** The transport of a conversation; ICMPv6 is `ICMP` too. */
export type ConversationProtocol = 'TCP' | 'UDP' | 'ICMP' | 'SCTP' | 'other';

/** One side of a conversation, and what it sent. */
export interface ConversationSide {
  /** IP address as text. */
  readonly address: string;
  /** What the description of the network calls the address; only in the report of a survey with names. */
  readonly name?: string;
  /** TCP, UDP or SCTP port; null for protocols without ports. */
  readonly port: number | null;
  /** IP packets, each fragment counted. */
  readonly packets: number;
  /** Bytes of their frames, link layer included and frame check sequence not: what `tshark -z conv,tcp` counts. */
  readonly bytes: number;
  /** Bytes after the TCP or UDP header; for other protocols, after the IP header. Retransmitted ones count again. */
  readonly payloadBytes: number;
  /** Fragments after the first of their packet; `packets` and `bytes` include them. */
  readonly laterFragments: number;
  /** Every TCP flag that it set, as bits of `TcpFlag`; 0 for other protocols. */
  readonly tcpFlags: number;
  /** Segments that repeat data, a SYN or a FIN (see `TcpAnalysis` for the rule). */
  readonly retransmissions: number;
  /** Those among them that followed at least two duplicate acknowledgments within 20 ms. */
  readonly fastRetransmissions: number;
  /** Segments with RST. */
  readonly resets: number;
  /** Segments that announced a receive window of 0; SYN, FIN and RST aside. */
  readonly zeroWindows: number;
}

/**
 * The packets that two sockets exchanged in one network, in both directions. TCP connections that reuse the addresses
 * and ports of an earlier one are conversations of their own. `JSON.stringify` writes those of `surveyFlows` and
 * `conversations` with `startTime` (ISO 8601, UTC, with nanoseconds) in place of `startNanoseconds`.
 */
export interface Conversation {
  /** VNI of the network; null for packets that weren't in VXLAN. */
  readonly vni: number | null;
  readonly protocol: ConversationProtocol;
  /** IP protocol number. */
  readonly protocolNumber: number;
  /** IP version. */
  readonly family: 4 | 6;
  /** The side that sent the SYN, or if the capture has none, the first packet. */
  readonly a: ConversationSide;
  readonly b: ConversationSide;
  /** Packets of both sides. */
  readonly packets: number;
  /** Bytes of both sides. */
  readonly bytes: number;
  /** Time of the earliest packet in nanoseconds since 1970, UTC; null if the capture has no times. */
  readonly startNanoseconds: bigint | null;
  /** Seconds from the earliest packet to the latest. */
  readonly durationSeconds: number;
  /** Bits of both sides per second, over the duration; null for a duration of 0. */
  readonly bitsPerSecond: number | null;
  /** Seconds from the SYN to the ACK that completes the handshake; null if the capture lacks one of them. */
  readonly rttSeconds: number | null;
  /** The part of it from the SYN to the SYN/ACK: from where the capture was taken to the server and back. */
  readonly serverRttSeconds: number | null;
  /** The part of it from the SYN/ACK to the ACK: from where the capture was taken to the client and back. */
  readonly clientRttSeconds: number | null;
  /** Retransmissions of both sides. */
  readonly retransmissions: number;
  /** Resets of both sides. */
  readonly resets: number;
  /** Zero windows of both sides. */
  readonly zeroWindows: number;
}

/** Flags in the order in which a connection shows them. */
const FLAG_LETTERS: readonly (readonly [letter: string, flag: number])[] = [
  ['S', TcpFlag.Syn],
  ['A', TcpFlag.Ack],
  ['P', TcpFlag.Psh],
  ['U', TcpFlag.Urg],
  ['E', TcpFlag.Ece],
  ['C', TcpFlag.Cwr],
  ['F', TcpFlag.Fin],
  ['R', TcpFlag.Rst],
];

/**
 * TCP flags as letters: `SAPF`.
 * @param flags bits of `TcpFlag`
 */
export function tcpFlagLetters(flags: number): string {
  return FLAG_LETTERS.filter(([, flag]) => (flags & flag) !== 0)
    .map(([letter]) => letter)
    .join('');
}
