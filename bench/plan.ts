/** What a run measures: every size with the largest batch, and from there every batch and every number of flows. */
import { type FrameSize } from './result.js';

/** Common parameters of cells that are measured in turn, one for each stage and cipher. */
export interface Setting {
  readonly size: FrameSize;
  readonly batch: number;
  readonly flows: number;
}

const SIZES: readonly FrameSize[] = [64, 128, 256, 512, 1024, 1400, 8900, 'imix'];
const BATCHES = [1, 8, 32, 64, 256] as const;
const FLOWS = [1, 100, 10_000] as const;
/** Sizes at which batches and flows are varied: the smallest packets, the largest common ones, and the mix. */
const CORNERS: readonly FrameSize[] = [64, 1400, 'imix'];
const BATCH = 256;
const USUAL_FLOWS = 100;

/** The settings of a run. A quick one has three sizes, and varies the rest for one of them. */
export function settingsOf(quick: boolean): readonly Setting[] {
  const sizes = quick ? CORNERS : SIZES;
  const corners: readonly FrameSize[] = quick ? ['imix'] : CORNERS;
  const batches = (quick ? [1, 32] : BATCHES).filter((batch) => batch !== BATCH);
  const flows = (quick ? [10_000] : FLOWS).filter((count) => count !== USUAL_FLOWS);
  return [
    ...sizes.map((size) => ({ size, batch: BATCH, flows: USUAL_FLOWS })),
    ...corners.flatMap((size) => batches.map((batch) => ({ size, batch, flows: USUAL_FLOWS }))),
    ...corners.flatMap((size) => flows.map((count) => ({ size, batch: BATCH, flows: count }))),
  ];
}
