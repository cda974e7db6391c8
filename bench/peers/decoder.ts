/** Programs that decode a capture: their input, and a check that they find the same as vtep. */
import { capture } from '../captures.js';
import { FRAME_HEADERS } from '../frame.js';
import { decodeInMemory, decodeToInnerIp } from '../chain.js';
import { Stage } from '../result.js';
import type { Peer } from './peer.js';

/** Frame sizes in bytes of the decoded captures. */
export const DECODE_SIZES = [64, 1400] as const;
/** Frame sizes of a quick run. */
export const QUICK_DECODE_SIZES = [64] as const;

/** The result of a decoder's pass. */
export interface DecodedPass {
  readonly packets: number;
  /** Sum of the inner destination addresses' last bytes. */
  readonly check: number;
  readonly nanoseconds: number;
}

/** What a decoder reaches: the inner addresses of a whole file, of its first packets repeatedly, or nothing. */
export const Decodes = { File: 'file', Memory: 'memory', Nothing: 'nothing' } as const;
export type Decodes = (typeof Decodes)[keyof typeof Decodes];

/** A decoder, and its input. */
export interface Decoder {
  readonly peer: string;
  readonly what: string;
  readonly decodes: Decodes;
  /** Packets in the capture, and per pass. */
  readonly packets: number;
  readonly pass: (path: string) => Promise<DecodedPass>;
}

/**
 * A decoder over a capture of frames of one size. Generates the capture unless it already exists.
 * @returns a peer that throws if it reads other packets than vtep does, or finds other addresses in them
 */
export function decoderPeer(decoder: Decoder, frameBytes: number): Peer {
  const { peer, what, decodes, packets } = decoder;
  const path = capture(frameBytes - FRAME_HEADERS, packets);
  let expected: number | undefined;
  return {
    rows: [{ peer, what, stage: Stage.Decode, bytes: frameBytes }],
    round: async () => {
      const found = await decoder.pass(path);
      expected ??= await expectedSum(path, decodes, packets);
      if (found.packets !== packets || found.check !== expected) {
        throw new Error(
          `${peer} read ${found.packets} packets with a sum of ${found.check}, not ${packets} with ${expected}`,
        );
      }
      return [found.nanoseconds / packets];
    },
  };
}

async function expectedSum(path: string, decodes: Decodes, packets: number): Promise<number> {
  if (decodes === Decodes.Nothing) return 0;
  const pass = decodes === Decodes.File ? decodeToInnerIp(path) : decodeInMemory(path, packets);
  return (await pass).check;
}
