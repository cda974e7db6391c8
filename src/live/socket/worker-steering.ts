/**
 * Which worker of a VTEP gets a packet: rules that depend on the packet alone, as TypeScript, and as classic BPF for the
 * kernel (Documentation/networking/filter.rst). Both must agree: SAs belong to one worker.
 *
 * - A datagram on the VXLAN port goes to the worker of its source port, which the sender takes from the inner flow
 *   (RFC 7348 section 5), and of its source address.
 * - ESP, and ICMP about packets to a peer, go to the peer's owner, by its address.
 */
import { getWord } from '../../memory/internal.js';
import { IPV6_HEADER_LEN } from '../../wire/index.js';

/** One instruction of classic BPF: struct sock_filter. */
export interface BpfInstruction {
  readonly code: number;
  /** Instructions to skip if a comparison is true, and if it is false. */
  readonly jt?: number;
  readonly jf?: number;
  readonly k?: number;
}

/** Offsets from here on are those of the IP header, whatever a socket's data begins with. */
const NETWORK = -0x100000;
const ANY_LENGTH = 0xffffffff;

// include/uapi/linux/bpf_common.h
const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const LOAD_BYTE = 0x30;
/** Relative to X. */
const LOAD_HALF_AT_X = 0x48;
const ADD_X = 0x0c;
const MODULO = 0x94;
const AND = 0x54;
const SHIFT_LEFT = 0x64;
const TO_X = 0x07;
const IS_EQUAL = 0x15;
const RETURN = 0x06;
const RETURN_A = 0x16;

const IPV4_SOURCE = 12;
const IPV6_SOURCE = 8;
const IPV6_DESTINATION = 24;
const IPV4_WORDS = 0x0f;
const ICMPV6_HEADER = 8;
const LAST_WORD = 12;

function lastWord(address: Uint8Array): number {
  return getWord(address, address.length - 4) >>> 0;
}

/**
 * The worker of a datagram on the VXLAN port.
 * @param address its source address, 4 or 16 bytes
 * @param port its source port
 */
export function workerOfDatagram(address: Uint8Array, port: number, workers: number): number {
  return ((lastWord(address) + port) >>> 0) % workers;
}

/**
 * The worker that has all SAs with a peer.
 * @param address the peer's VTEP address, 4 or 16 bytes
 */
export function ownerOfPeer(address: Uint8Array, workers: number): number {
  return lastWord(address) % workers;
}

/** `workerOfDatagram`, for SO_ATTACH_REUSEPORT_CBPF: returns the index of a socket. */
export function datagramProgram(family: 4 | 6, workers: number): BpfInstruction[] {
  const port: BpfInstruction[] =
    family === 4
      ? [
          // The UDP header follows the IP header and its options.
          { code: LOAD_BYTE, k: NETWORK },
          { code: AND, k: IPV4_WORDS },
          { code: SHIFT_LEFT, k: 2 },
          { code: TO_X },
          { code: LOAD_HALF_AT_X, k: NETWORK },
        ]
      : // Packets with extension headers still go to one worker, by what they have in place of the port.
        [{ code: LOAD_HALF, k: NETWORK + IPV6_HEADER_LEN }];
  const source = family === 4 ? IPV4_SOURCE : IPV6_SOURCE + LAST_WORD;
  return [
    ...port,
    { code: TO_X },
    { code: LOAD_WORD, k: NETWORK + source },
    { code: ADD_X },
    { code: MODULO, k: workers },
    { code: RETURN_A },
  ];
}

/** Lets a raw ESP socket receive packets of the peers that a worker owns, for SO_ATTACH_FILTER. */
export function espProgram(family: 4 | 6, worker: number, workers: number): BpfInstruction[] {
  return ownedProgram(NETWORK + (family === 4 ? IPV4_SOURCE : IPV6_SOURCE + LAST_WORD), worker, workers);
}

/**
 * Lets a raw ICMP socket receive messages about packets to the peers that a worker owns, for SO_ATTACH_FILTER.
 * Over IPv4 worker 0 gets all: none is accepted (`PathMtuDiscovery`).
 */
export function icmpProgram(family: 4 | 6, worker: number, workers: number): BpfInstruction[] {
  if (family === 4) return [{ code: RETURN, k: worker === 0 ? ANY_LENGTH : 0 }];
  return ownedProgram(ICMPV6_HEADER + IPV6_DESTINATION + LAST_WORD, worker, workers);
}

/** Discards every packet, for SO_ATTACH_FILTER. */
export function acceptNothing(): BpfInstruction[] {
  return [{ code: RETURN, k: 0 }];
}

/** Accepts a packet if the word at an offset belongs to a worker. */
function ownedProgram(offset: number, worker: number, workers: number): BpfInstruction[] {
  return [
    { code: LOAD_WORD, k: offset },
    { code: MODULO, k: workers },
    { code: IS_EQUAL, jt: 0, jf: 1, k: worker },
    { code: RETURN, k: ANY_LENGTH },
    { code: RETURN, k: 0 },
  ];
}

/** Length of struct sock_filter in bytes. */
export const BPF_INSTRUCTION_BYTES = 8;

/** A program as an array of struct sock_filter. */
export function bpfBytes(program: readonly BpfInstruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * BPF_INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt = 0, jf = 0, k = 0 }, i) => {
    const at = i * BPF_INSTRUCTION_BYTES;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, jt);
    view.setUint8(at + 3, jf);
    view.setUint32(at + 4, k >>> 0, true);
  });
  return bytes;
}
