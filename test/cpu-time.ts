/** Time that a machine's other work doesn't lengthen. */

/** Seconds of processor time that this process takes for a call, whatever else runs. */
export function cpuSeconds(call: () => void): number {
  const before = process.cpuUsage();
  call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
