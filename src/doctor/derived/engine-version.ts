/** Versions of Docker engines. */

/** A version as numbers: [29, 1, 3]; undefined if it isn't one. */
export type EngineVersion = readonly [major: number, minor: number, patch: number];

/** The version of `29.1.3`, `v20.10.24+dfsg1`, `17.06.0-ce`. */
export function versionOf(text: string): EngineVersion | undefined {
  const match = /^v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,4}))?(?![\d.])/.exec(text);
  if (match === null) return undefined;
  return [Number(match[1]), Number(match[2]), Number(match.at(3) ?? 0)];
}

/** Whether a version is from a first to a last one, both included. */
export function isBetween(version: EngineVersion, first: EngineVersion, last: EngineVersion): boolean {
  return compare(version, first) >= 0 && compare(version, last) <= 0;
}

function compare(a: EngineVersion, b: EngineVersion): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

/** The versions that hash IPv4 addresses as 4 bytes into SPIs (moby/moby#51798, #51951). */
export function hasShortSpis(version: EngineVersion): boolean {
  return (
    isBetween(version, [29, 0, 0], [29, 2, 0]) ||
    isBetween(version, [28, 2, 2], [28, 2, 2]) ||
    isBetween(version, [25, 0, 13], [25, 0, 14])
  );
}

/** The versions whose policies are for port 4789 whatever the data path port is (moby/moby#45635, #45636). */
export function hasFixedPolicyPort(version: EngineVersion): boolean {
  return compare(version, [23, 0, 7]) < 0 || isBetween(version, [24, 0, 0], [24, 0, 2]);
}

/** The versions whose overlay driver has no IPv6 underlay (moby/moby#41691; it came with 25.0). */
export function lacksIpv6Underlay(version: EngineVersion): boolean {
  return compare(version, [25, 0, 0]) < 0;
}
