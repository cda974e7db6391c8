/** Where the two ends of inner traffic are. */
import type { CaptureEvidence } from '../evidence/capture.js';

/**
 * The VTEPs of two inner addresses, if the capture shows frames between them.
 * @returns the source's and the destination's, or none
 */
export function vtepsOf(
  { pairs }: CaptureEvidence,
  vni: number,
  innerSource: string,
  innerDestination: string,
): readonly string[] {
  if (vni < 0) return [];
  for (const pair of pairs) {
    if (pair.vni !== vni) continue;
    if (pair.innerSource === innerSource && pair.innerDestination === innerDestination) {
      return [pair.source, pair.destination];
    }
    if (pair.innerSource === innerDestination && pair.innerDestination === innerSource) {
      return [pair.destination, pair.source];
    }
  }
  return [];
}

/** For a subject: the VTEPs as nodes, the network, and both addresses, as far as they are known. */
export function innerSubject(
  capture: CaptureEvidence,
  vni: number,
  innerSource: string,
  innerDestination: string,
): { readonly nodes?: readonly string[]; readonly vni?: number; readonly endpoints: readonly string[] } {
  const nodes = vtepsOf(capture, vni, innerSource, innerDestination);
  return {
    ...(nodes.length === 0 ? {} : { nodes }),
    ...(vni < 0 ? {} : { vni }),
    endpoints: [innerSource, innerDestination],
  };
}
