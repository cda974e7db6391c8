/** Directions that an exam follows. */

/** Pairs of VTEPs. */
export const MAX_TUNNELS = 1 << 12;
/** Pairs of inner addresses, and of those outside of networks. */
export const MAX_PAIRS = 1 << 15;
