/**
 * Why a task's published ports drop a frame. The names are the kernel's where it has one
 * (include/net/dropreason-core.h without SKB_DROP_REASON_).
 */

/** Drop reasons. */
export const PortDrop = {
  None: 0,
  PacketTooSmall: 1,
  IpHeader: 2,
  IpChecksum: 3,
  TransportHeader: 4,
  /** To the task: neither a published port nor the target of one. */
  NotPublished: 5,
  /** From the task: not an answer to a connection that came in here. */
  NotAnAnswer: 6,
  /** A segment or packet that can't begin a connection, or doesn't fit its state. */
  Invalid: 7,
  /** To the task, from the task's own address. */
  OwnSource: 8,
  /** The flow table is full of established connections. */
  TableFull: 9,
  /** Two published ports lead to one target, and no free port tells their connections apart. */
  NoSourcePort: 10,
  /** A fragment that reassembly dropped, for a reason that `TaskPorts.accounting` counts. */
  Reassembly: 11,
} as const;
export type PortDrop = (typeof PortDrop)[keyof typeof PortDrop];

const NAMES = [
  'NONE',
  'PKT_TOO_SMALL',
  'IP_INHDR',
  'IP_CSUM',
  'L4_HDR',
  'NETFILTER_DROP',
  'NETFILTER_DROP_OUTPUT',
  'CT_INVALID',
  'IP_INVALID_SOURCE',
  'NOMEM',
  'NF_NAT_NO_PORT',
  'FRAG_REASSEMBLY',
];

/** The number of reasons. */
export const PORT_DROPS = NAMES.length;

/** The name of a reason, for programs. */
export function portDropName(reason: number): string {
  return NAMES[reason];
}
