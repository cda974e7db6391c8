/** What the page shows: everything that the URL's fragment says, so that Back undoes and a link shows the same. */

/** The views, by the name in the fragment. */
export const VIEWS = ['overview', 'map', 'timeline', 'flows', 'packets', 'keys', 'gossip'] as const;
export type ViewName = (typeof VIEWS)[number];

/** What is shown. All views show what `filter` and the time range select. */
export interface ExplorerState {
  readonly view: ViewName;
  /** Text of the filter; empty for all packets. */
  readonly filter: string;
  /** Seconds since the first packet, or undefined without a limit. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Number of the packet in the detail view, from 1. */
  readonly packet: number | undefined;
}
