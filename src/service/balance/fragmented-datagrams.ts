/**
 * Fragments at a load balancer, as conntrack handles them: a datagram is reassembled, translated once, and leaves in
 * fragments again, without DF: in the sizes that it came in, unless they exceed the MTU.
 */
import { dropReasonName, dropReasonOfReassembly } from '../../dataplane/index.js';
import { Fragmenter, Reassembler, type ReassemblyDrop, ReassemblyOutcome } from '../../fragment/index.js';
import { HeaderError, Layers, writeIpv4Checksum } from '../../wire/index.js';
import { BalanceVerdict } from './balance-verdict.js';
import { BalanceError } from './error.js';
import { OriginalPieces } from './original-pieces.js';

/** RFC 791 section 3.2. */
const MIN_MTU = 68;
const MAX_MTU = 65_535;
/** In the upper byte of flags and fragment offset. */
const DONT_FRAGMENT = 0x40;

/** Reassembles the fragments that arrive, and fragments the datagrams that leave. */
export class FragmentedDatagrams {
  /** After `push` said that the fragment was dropped: whether the reassembler didn't count it. */
  wasRefused = false;
  readonly #mtu: number;
  readonly #layers = new Layers();
  /** Made with the first fragment: most balancers never see one. */
  #made: Reassembler | undefined;
  readonly #fragmenter = new Fragmenter();
  readonly #pieces = new OriginalPieces();
  /** A packet that needn't be fragmented, until it has left. */
  #wholeStart = 0;
  #wholeEnd = 0;

  /**
   * @param mtu largest IP packet that leaves, in bytes
   * @throws BalanceError `BAD_BALANCER` for an MTU below 68 or above 65,535
   */
  constructor(mtu: number) {
    if (!Number.isInteger(mtu) || mtu < MIN_MTU || mtu > MAX_MTU) {
      throw new BalanceError('BAD_BALANCER', `an MTU is an integer from ${MIN_MTU} to ${MAX_MTU}, not ${mtu}`);
    }
    this.#mtu = mtu;
  }

  /** Fragments held. */
  get held(): number {
    return this.#made?.heldFragments ?? 0;
  }

  /** The reassembled datagram, its start and its end, and the number of its fragments. */
  get bytes(): Uint8Array {
    return this.#reassembler.bytes;
  }

  get start(): number {
    return this.#reassembler.start;
  }

  get end(): number {
    return this.#reassembler.end;
  }

  get parts(): number {
    return this.#reassembler.parts;
  }

  get #reassembler(): Reassembler {
    this.#made ??= new Reassembler();
    return this.#made;
  }

  /**
   * Takes a fragment.
   * @param start offset of the Ethernet header
   * @param end end of the frame
   * @param now seconds
   * @returns `Held`, `Dropped`, or `Fragments` if it completed its datagram
   */
  push(bytes: Uint8Array, start: number, end: number, now: number): BalanceVerdict {
    const layers = this.#layers;
    this.wasRefused = layers.walkEthernet(bytes, start, end) !== HeaderError.None || !layers.isFragment;
    if (this.wasRefused) return BalanceVerdict.Dropped;
    const reassembler = this.#reassembler;
    const outcome = reassembler.push(bytes, layers, end, now);
    if (outcome === ReassemblyOutcome.Held) return BalanceVerdict.Held;
    if (outcome === ReassemblyOutcome.Dropped) return BalanceVerdict.Dropped;
    reassembler.bytes[reassembler.start + 6] &= ~DONT_FRAGMENT;
    writeIpv4Checksum(reassembler.bytes, reassembler.start);
    return BalanceVerdict.Fragments;
  }

  /** Drops the datagrams whose timeout has passed. `push` does so too. */
  expire(now: number): void {
    this.#made?.expire(now);
  }

  /**
   * Begins to fragment a packet in `bytes`.
   * @param isDatagram whether it is the datagram itself, translated: it leaves in the pieces that it came in, if they fit
   * @returns the number of fragments
   */
  begin(start: number, end: number, isDatagram: boolean): number {
    this.#wholeStart = start;
    this.#wholeEnd = end;
    this.#pieces.count = 0;
    if (isDatagram && this.#pieces.begin(this.#reassembler, this.#mtu)) return this.#pieces.count;
    // A packet that fits leaves as it is, also with DF, as a reset has it.
    if (end - start <= this.#mtu) return 1;
    this.#wholeEnd = start;
    this.#fragmenter.begin(this.bytes, start, end, this.#mtu);
    return this.#fragmenter.count;
  }

  /** Writes the next fragment, from its IP header. Returns its size in bytes, or 0 if there are no more. */
  next(target: Uint8Array, offset: number): number {
    if (this.#pieces.count > 0) return this.#pieces.next(target, offset);
    const size = this.#wholeEnd - this.#wholeStart;
    if (size === 0) return this.#fragmenter.next(target, offset);
    target.set(this.bytes.subarray(this.#wholeStart, this.#wholeEnd), offset);
    this.#wholeEnd = this.#wholeStart;
    return size;
  }

  /** Adds the fragments dropped so far, by the reason's name. */
  addDropped(dropped: Record<string, number>): void {
    this.#made?.droppedFragments.forEach((count, drop) => {
      if (count === 0) return;
      const name = dropReasonName(dropReasonOfReassembly(drop as ReassemblyDrop));
      dropped[name] = (dropped[name] ?? 0) + count;
    });
  }
}
