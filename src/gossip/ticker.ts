/** The next tick of a ticker after one that was due at `due`: those that were missed are not made up for. */
export function nextTick(due: number, interval: number, now: number): number {
  const next = due + interval;
  return next > now ? next : now + interval - ((now - due) % interval);
}
