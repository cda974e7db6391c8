/** Whether a capture would show an answer: shared by the findings about answers that are missing. */
import type { CaptureEvidence } from '../../evidence/capture.js';

/** What a capture has of the direction that answers take. */
export const WayBack = {
  Shown: 'shown',
  /** ESP that no key opens: the answers may be in it. */
  Unread: 'unread',
  /** Nothing, as in a capture of one direction. */
  Missing: 'missing',
} as const;
export type WayBack = (typeof WayBack)[keyof typeof WayBack];

/**
 * Tells what a capture has of the way back between two VTEPs.
 * @param source VTEP that sends what wants an answer
 * @param vni network of the answer
 */
export function wayBackOf(capture: CaptureEvidence, source: string, destination: string, vni: number): WayBack {
  const isBack = (row: { readonly source: string; readonly destination: string }): boolean =>
    row.source === destination && row.destination === source;
  const frames = capture.frames.filter(isBack);
  // A network is either encrypted or not: where its frames come back in clear, the answer would, too.
  if (frames.some((row) => row.vni === vni && !row.encrypted)) return WayBack.Shown;
  if (capture.spis.some((trace) => isBack(trace) && trace.opened === 0)) return WayBack.Unread;
  const hasOther = capture.traffic.some(
    (row) => isBack(row) && row.esp.count + row.gossipTcp.count + row.gossipUdp.count > 0,
  );
  return frames.length > 0 || hasOther ? WayBack.Shown : WayBack.Missing;
}

/**
 * Says what it means, as an exhibit.
 * @param destination what the answers should come from, for people
 */
export function wayBackText(way: WayBack, destination: string): string {
  if (way === WayBack.Shown) return `other packets do come from ${destination}`;
  return way === WayBack.Unread
    ? `ESP that no key opens comes from ${destination}: the answers may be in it`
    : `nothing at all comes from ${destination}: the capture may lack that direction`;
}
