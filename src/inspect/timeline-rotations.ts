/** Groups the switches of a capture into rotations of the cluster's keys. */
import { wholeNanoseconds } from './capture-clock.js';
import type { KeySwitch, Rotation, TimelineDirection } from './timeline-report.js';

interface Switched {
  readonly direction: TimelineDirection;
  readonly at: KeySwitch['at'];
}

function rotationOf(switches: readonly Switched[]): Rotation {
  const nodes = new Map<string, KeySwitch['at']>();
  for (const { direction, at } of switches) {
    if (!nodes.has(direction.source)) nodes.set(direction.source, at);
  }
  const start = switches[0].at;
  return {
    start,
    seconds: wholeNanoseconds(switches[switches.length - 1].at.offset - start.offset),
    directions: switches.length,
    nodes: [...nodes].map(([address, at]) => ({ address, at })),
  };
}

/**
 * Groups the switches of all directions in chronological order. A new rotation begins where a direction switches again,
 * or after half a rotation interval without a switch.
 * @param interval seconds from one rotation to the next
 */
export function rotationsOf(directions: readonly TimelineDirection[], interval: number): Rotation[] {
  const all = directions.flatMap((direction) => direction.switches.map(({ at }) => ({ direction, at })));
  all.sort((a, b) => a.at.offset - b.at.offset);
  const rotations: Rotation[] = [];
  let switches: Switched[] = [];
  let seen = new Set<TimelineDirection>();
  for (const switched of all) {
    const before = switches.at(-1)?.at.offset ?? Infinity;
    if (seen.has(switched.direction) || switched.at.offset - before > interval / 2) {
      rotations.push(rotationOf(switches));
      switches = [];
      seen = new Set();
    }
    seen.add(switched.direction);
    switches.push(switched);
  }
  if (switches.length > 0) rotations.push(rotationOf(switches));
  return rotations;
}
