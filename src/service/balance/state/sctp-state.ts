/**
 * IPVS's view of an SCTP association (net/netfilter/ipvs/ip_vs_proto_sctp.c): fourteen states that follow the first
 * chunk of each packet, and the idle timeout of each.
 */

/** States, in the kernel's order. */
export const SctpState = {
  None: 0,
  Init1: 1,
  Init: 2,
  CookieSent: 3,
  CookieReplied: 4,
  CookieWait: 5,
  Cookie: 6,
  CookieEchoed: 7,
  Established: 8,
  ShutdownSent: 9,
  ShutdownReceived: 10,
  ShutdownAckSent: 11,
  Rejected: 12,
  Closed: 13,
} as const;
export type SctpState = (typeof SctpState)[keyof typeof SctpState];

/** Whether both sides may still send or wait for something, by state: from INIT until SHUTDOWN COMPLETE or ABORT. */
export const SCTP_ACTIVE = Uint8Array.of(0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0);

const NAMES = [
  'NONE',
  'INIT1',
  'INIT',
  'C-SENT',
  'C-REPLIED',
  'C-WAIT',
  'COOKIE',
  'C-ECHOED',
  'ESTABLISHED',
  'S-SENT',
  'S-RECEIVED',
  'S-ACK-SENT',
  'REJECTED',
  'CLOSED',
];

/** The name of a state, as `ipvsadm -Lnc` prints it. */
export function sctpStateName(state: number): string {
  return NAMES[state];
}

/** Idle timeouts in seconds, by state. Most are RFC 9260's RTO.Max and a second. */
export const SCTP_TIMEOUTS: readonly number[] = [2, 4, 61, 61, 61, 61, 61, 61, 900, 61, 61, 61, 4, 61];

/** The chunk type that begins an association. */
export const SCTP_INIT = 1;
const COOKIE_ECHO = 10;
const COOKIE_ACK = 11;
const ABORT = 6;
/** Bytes of the common header, which the first chunk follows. */
export const SCTP_HEADER_LEN = 12;
const CHUNK_HEADER_LEN = 4;

/** One letter per state, in the order of `SctpState`. */
const LETTERS = 'NIJSRWOEHDVAXC';

/**
 * Per table (input, output, input only) the next states after DATA and similar chunks, INIT, INIT ACK, COOKIE ECHO, COOKIE
 * ACK, SHUTDOWN, SHUTDOWN ACK, SHUTDOWN COMPLETE, ERROR and ABORT.
 */
const TRANSITIONS = [
  [
    'HIJSRWOEHDVAXC',
    'IJJSRWOEHDVAJJ',
    'WWWSROOEHDVAXC',
    'RJJRRWOEHDVAXC',
    'HIJSRWOHHDVAXC',
    'VIJSRWOEVDVAXC',
    'CJJSRWOEHCVCXC',
    'CCCSRWOEHDVCXC',
    'CIJSRWOCHDVAXC',
    'CCCCCXCCCCCCCC',
  ],
  [
    'HIJSRWOEHDVAXC',
    'WWWWWWWWHWWWWW',
    'SSSSRWOEHDVAXC',
    'EEEEEEEEHDVAXC',
    'HHHHHHHHHDVAXC',
    'DDDDDDDDDDVAXC',
    'AAAAAWOEHAAAXC',
    'CIJSRWOEHDVAXC',
    'CCCCCWOEHDVAXC',
    'CXCCCCCCCCCCCC',
  ],
  [
    'HIJSRHOEHDVAXC',
    'IJJJJJOEHDVAJJ',
    'EEEEEEOEHDVAXC',
    'HHHHHHOEHDVAXC',
    'HIJHHWHHHDVAXC',
    'VIJSRWOEVDVAXC',
    'CJJSRWOECCVCXC',
    'CCCCCWOEHDCCXC',
    'CIJSRWOEHDVAXC',
    'CCCCCXCCCCCCCC',
  ],
];

/** The row of a chunk type (RFC 9260 section 3.2); types beyond count as DATA. */
const EVENTS = Uint8Array.of(0, 1, 2, 0, 0, 0, 9, 5, 6, 8, 3, 4, 0, 0, 7);
const EVENT_ROWS = 10;
const WIDTH = 16;
const NEXT = new Uint8Array(3 * EVENT_ROWS * WIDTH);
TRANSITIONS.forEach((rows, table) => {
  rows.forEach((row, event) => {
    for (let state = 0; state < row.length; state++) {
      NEXT[(table * EVENT_ROWS + event) * WIDTH + state] = LETTERS.indexOf(row[state]);
    }
  });
});

/**
 * The state after a packet; unchanged if it has no chunk.
 * @param table 0 from the client, 1 from the backend, 2 from the client where the backend's packets bypass the balancer
 * @param offset offset of the SCTP header
 * @param end end of the packet
 */
export function nextSctpState(table: number, bytes: Uint8Array, offset: number, end: number, state: number): number {
  const chunk = offset + SCTP_HEADER_LEN;
  if (chunk + CHUNK_HEADER_LEN > end) return state;
  let type = bytes[chunk];
  // An ABORT bundled after a cookie counts.
  if (type === COOKIE_ECHO || type === COOKIE_ACK) {
    const length = (bytes[chunk + 2] << 8) | bytes[chunk + 3];
    const next = chunk + ((length + 3) & ~3);
    if (length >= CHUNK_HEADER_LEN && next + CHUNK_HEADER_LEN <= end && bytes[next] === ABORT) type = ABORT;
  }
  const event = type < EVENTS.length ? EVENTS[type] : 0;
  return NEXT[(table * EVENT_ROWS + event) * WIDTH + state];
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  // CRC-32C (Castagnoli), reflected.
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ ((value & 1) === 0 ? 0 : 0x82f63b78);
  return value;
});

/** Computes and writes the checksum of an SCTP packet (RFC 9260 section 6.8), after a port has changed. */
export function writeSctpChecksum(bytes: Uint8Array, offset: number, end: number): void {
  const field = offset + 8;
  bytes.fill(0, field, field + 4);
  let crc = -1;
  for (let at = offset; at < end; at++) crc = CRC_TABLE[(crc ^ bytes[at]) & 0xff] ^ (crc >>> 8);
  crc = ~crc;
  // RFC 9260 appendix A: the least significant byte comes first.
  bytes[field] = crc;
  bytes[field + 1] = crc >>> 8;
  bytes[field + 2] = crc >>> 16;
  bytes[field + 3] = crc >>> 24;
}
