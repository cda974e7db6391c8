/** Recordings of load balancers as sequences: what arrived at the balancer goes in, what it sent is to come out. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { BALANCE_HEADROOM, BalanceVerdict, type LoadBalancer } from '../../../src/service/index.js';
import { framesOf } from '../../cli/frames.js';
import { fixture } from '../../repository.js';

/** A frame before and after a translation, with its packet number in the recording. */
export interface Pair {
  readonly before_packet: number;
  readonly after_packet: number;
  readonly before_hex: string;
  readonly after_hex: string;
}

/** The pairs of a file of vectors. */
export interface Vectors {
  readonly sets?: readonly { readonly name?: string; readonly capture?: string; readonly pairs: readonly Pair[] }[];
  readonly pairs?: readonly Pair[];
}

/** Reads a file of vectors. */
export function vectors(name: string): Vectors {
  return JSON.parse(gunzipSync(readFileSync(fixture(`services/${name}.json.gz`))).toString()) as Vectors;
}

/** The pairs of a set, by the name of the set or of the recording. */
export function pairsOf(file: string, set: string): readonly Pair[] {
  const found = vectors(file).sets?.find(({ name, capture }) => name === set || capture === set);
  if (found === undefined) throw new Error(`${file} has no set ${set}`);
  return found.pairs;
}

/** Bytes around a frame that must stay as they are: all before the headroom, and all after the frame. */
const MARGIN = 64;
const FILL = 0x77;

/** Gives a frame to a balancer. Returns the frames that come out, or the drop reason's number. */
export function put(balancer: LoadBalancer, frame: Uint8Array, seconds: number): string[] | number {
  const start = MARGIN + BALANCE_HEADROOM;
  const bytes = new Uint8Array(start + frame.length + MARGIN).fill(FILL);
  bytes.set(frame, start);
  const verdict = balancer.translate(bytes, start, start + frame.length, seconds);
  const edges = [...bytes.subarray(0, MARGIN), ...bytes.subarray(start + frame.length)];
  if (edges.some((byte) => byte !== FILL)) throw new Error('bytes outside the frame were written');
  if (verdict === BalanceVerdict.Dropped) return balancer.drop;
  if (verdict === BalanceVerdict.Held) return [];
  if (verdict !== BalanceVerdict.Fragments) return [hexOf(bytes.subarray(balancer.start, balancer.end))];
  const fragments: string[] = [];
  const target = new Uint8Array(2000);
  for (let size = balancer.nextFragment(target, 0); size > 0; size = balancer.nextFragment(target, 0)) {
    fragments.push(hexOf(target.subarray(0, size)));
  }
  return fragments;
}

/** Bytes as text. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** What a replayed recording gave. */
export interface Replayed {
  /** Frames that arrived at the balancer, and those it sent, in the recording. */
  readonly arrived: number;
  readonly recorded: readonly string[];
  /** What the balancer sent here. */
  readonly sent: readonly string[];
  /** The frames that came out for a packet number. */
  readonly outputs: ReadonlyMap<number, readonly string[]>;
  /** Drop reasons by packet number. */
  readonly drops: ReadonlyMap<number, number>;
}

const LB_MAC = '02420a000907';
const BROADCAST = 'ffffffffffff';
const ARP = '0806';

/**
 * Replays a recording of an LB sandbox's interface.
 * @param before what happens before a packet number (from 1) is handled
 */
export async function replayed(
  name: string,
  balancer: LoadBalancer,
  before: ReadonlyMap<number, () => void> = new Map(),
): Promise<Replayed> {
  const frames = await framesOf(fixture(`services/${name}.pcap`));
  const outputs = new Map<number, string[]>();
  const drops = new Map<number, number>();
  const recorded: string[] = [];
  let arrived = 0;
  frames.forEach(({ hex, seconds, nanoseconds }, index) => {
    const number = index + 1;
    before.get(number)?.();
    const type = hex.slice(24, 28);
    if (hex.slice(12, 24) === LB_MAC) {
      // The balancer's own ARP requests are for its backends' MACs, which it knows here.
      const isRequest = type === ARP && hex.slice(40, 44) === '0001';
      if (!isRequest && (type === ARP || type === '0800')) recorded.push(hex);
      return;
    }
    const to = hex.slice(0, 12);
    // Replies to those requests don't count either.
    const isReply = type === ARP && hex.slice(40, 44) === '0002';
    if (isReply || (to !== LB_MAC && to !== BROADCAST)) return;
    arrived++;
    const result = put(balancer, Buffer.from(hex, 'hex'), seconds + nanoseconds / 1e9);
    if (typeof result === 'number') drops.set(number, result);
    else outputs.set(number, result);
  });
  return { arrived, recorded, sent: [...outputs.values()].flat(), outputs, drops };
}

/** Random bytes that are a given sequence of 16-bit numbers. */
export function shortsOf(...shorts: number[]): (bytes: Uint8Array) => void {
  return (bytes) => {
    const next = shorts.shift();
    if (next === undefined) throw new Error('more random numbers drawn than expected');
    bytes[0] = next >>> 8;
    bytes[1] = next;
  };
}
