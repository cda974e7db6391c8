/**
 * Netfilter's view of a TCP connection (net/netfilter/nf_conntrack_proto_tcp.c): states that follow the flags of the
 * segments in each direction, and the idle timeout of each. Sequence numbers aren't followed.
 */
import { TcpFlag } from '../../wire/index.js';

/** States, in the kernel's order. */
export const TrackedTcp = {
  None: 0,
  SynSent: 1,
  SynReceived: 2,
  Established: 3,
  FinWait: 4,
  CloseWait: 5,
  LastAck: 6,
  TimeWait: 7,
  Close: 8,
  /** Both sides have sent a SYN. */
  SynSent2: 9,
  /** Not a state: the segment doesn't fit the connection. */
  Invalid: 10,
  /** Not a state: the segment changes nothing. */
  Ignored: 11,
} as const;
export type TrackedTcp = (typeof TrackedTcp)[keyof typeof TrackedTcp];

/** Idle timeouts in seconds, by state. */
export const TRACKED_TCP_TIMEOUTS: readonly number[] = [0, 120, 60, 432_000, 120, 60, 30, 120, 10, 120];

/** One letter per value of `TrackedTcp`, for the tables below. */
const LETTERS = 'NSREFWATC2-.';
const STATES = 10;

/** Per direction (the client's, the task's) the results of SYN, SYN ACK, FIN, ACK and RST, one letter per state. */
const RESULTS = [
  ['SS.....SS2', '--R------R', '--FFAAATC-', 'E-EEWWTTC-', '-CCCCCCCCC'],
  ['-2-------2', '-R.......R', '--FFAAATC-', '-.REWWTTC.', '-CCCCCCCCC'],
];

const SYN = 0;
const SYN_ACK = 1;
const FIN = 2;
const ACK = 3;
const RST = 4;
const FLAGS = 32;
const WIDTH = 16;

function rowOf(flags: number): number {
  if ((flags & TcpFlag.Rst) !== 0) return RST;
  if ((flags & TcpFlag.Syn) !== 0) return (flags & TcpFlag.Ack) !== 0 ? SYN_ACK : SYN;
  if ((flags & TcpFlag.Fin) !== 0) return FIN;
  return (flags & TcpFlag.Ack) !== 0 ? ACK : -1;
}

/** Results by direction, flags and state. */
const NEXT = new Uint8Array(2 * FLAGS * WIDTH).fill(TrackedTcp.Invalid);

for (let direction = 0; direction < 2; direction++) {
  for (let flags = 0; flags < FLAGS; flags++) {
    const row = rowOf(flags);
    // Neither are SYN and FIN valid together.
    if (row < 0 || (flags & (TcpFlag.Syn | TcpFlag.Fin)) === (TcpFlag.Syn | TcpFlag.Fin)) continue;
    for (let state = 0; state < STATES; state++) {
      NEXT[(direction * FLAGS + flags) * WIDTH + state] = LETTERS.indexOf(RESULTS[direction][row][state]);
    }
  }
}

/**
 * The state after a segment, `Invalid` or `Ignored`.
 * @param direction 0 from the client, 1 from the task
 * @param flags the flags of the segment's TCP header
 */
export function nextTrackedTcp(direction: number, flags: number, state: number): number {
  return NEXT[(((direction << 5) | (flags & 0x1f)) << 4) | state];
}
