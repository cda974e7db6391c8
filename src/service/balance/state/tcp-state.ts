/**
 * IPVS's view of a TCP connection (net/netfilter/ipvs/ip_vs_proto_tcp.c): eleven states that follow the flags of the
 * segments in each direction, and the idle timeout of each. It isn't RFC 9293's machine: a balancer sees segments, not
 * sockets.
 */
import { TcpFlag } from '../../../wire/index.js';

/** States, in the kernel's order. */
export const TcpState = {
  None: 0,
  Established: 1,
  SynSent: 2,
  SynReceived: 3,
  FinWait: 4,
  TimeWait: 5,
  Close: 6,
  CloseWait: 7,
  LastAck: 8,
  Listen: 9,
  SynAck: 10,
} as const;
export type TcpState = (typeof TcpState)[keyof typeof TcpState];

/**
 * Whether both sides may still send or wait for something, by state: from the first SYN until both have sent a FIN, or one
 * a RST.
 */
export const TCP_ACTIVE = Uint8Array.of(0, 1, 1, 1, 1, 0, 0, 1, 0, 0, 1);

/** The number of states. */
export const TCP_STATES = 11;

/** Which of the three tables applies to a segment. */
export const TcpTable = {
  /** From the client. */
  Input: 0,
  /** From the backend. */
  Output: 1,
  /** From the client, where the backend's segments bypass the balancer (direct routing). */
  InputOnly: 2,
} as const;
export type TcpTable = (typeof TcpTable)[keyof typeof TcpTable];

const NAMES = [
  'NONE',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'SYNACK',
];

/** The name of a state, as `ipvsadm -Lnc` prints it. */
export function tcpStateName(state: number): string {
  return NAMES[state];
}

/** Idle timeouts in seconds, by state. */
export const TCP_TIMEOUTS: readonly number[] = [2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120];

/** One letter per state, in the order of `TcpState`, for the tables below. */
const LETTERS = 'NESRFTCWALK';

/** Per table the next states after SYN, FIN, ACK and RST, one letter per current state. */
const TRANSITIONS = [
  ['REERRRRRRRR', 'CWSTTTCWALT', 'CESEFTCWCLE', 'CCCRCCCCALR'],
  ['SESRSSSSSLR', 'TFSTFTCTALT', 'EESEFTCWAEE', 'CCSCCTCCCCC'],
  ['REERRRRRRRR', 'CFSTFTCWALT', 'CESEFTCWCLE', 'CCCRCCCCALC'],
];

const SYN = 0;
const FIN = 1;
const ACK = 2;
const RST = 3;
const ROWS = 4;
/** The low five bits of the flags: FIN, SYN, RST, PSH and ACK. */
const FLAGS = 32;
/** States are padded to 16 per row, so that an index is made of shifts. */
const WIDTH = 16;

/** The next state, by table, flags and current state. */
const NEXT = new Uint8Array(3 * FLAGS * WIDTH).fill(TcpState.Close);

/** The row of a segment: RST counts before SYN, SYN before FIN, FIN before ACK; -1 without any of them. */
function rowOf(flags: number): number {
  if ((flags & TcpFlag.Rst) !== 0) return RST;
  if ((flags & TcpFlag.Syn) !== 0) return SYN;
  if ((flags & TcpFlag.Fin) !== 0) return FIN;
  return (flags & TcpFlag.Ack) !== 0 ? ACK : -1;
}

for (let table = 0; table < TRANSITIONS.length; table++) {
  for (let flags = 0; flags < FLAGS; flags++) {
    const row = rowOf(flags);
    // Without a flag the state is CLOSE, as the table was filled.
    if (row < 0 || row >= ROWS) continue;
    for (let state = 0; state < TCP_STATES; state++) {
      NEXT[(table * FLAGS + flags) * WIDTH + state] = LETTERS.indexOf(TRANSITIONS[table][row][state]);
    }
  }
}

/**
 * The state after a segment.
 * @param flags the flags of the segment's TCP header
 */
export function nextTcpState(table: TcpTable, flags: number, state: number): number {
  return NEXT[(((table << 5) | (flags & 0x1f)) << 4) | state];
}
