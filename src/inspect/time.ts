/** Formats a packet's time in ISO 8601, UTC, with nanoseconds: `2026-11-21T04:22:00.123456789Z`. */
export function formatTime(seconds: number, nanoseconds: number): string {
  const date = new Date(seconds * 1000);
  const fraction = nanoseconds.toString().padStart(9, '0');
  // A Date ends in the year 275760; beyond that, the bare number still shows what the capture contains.
  if (Number.isNaN(date.getTime())) return `${seconds}.${fraction}`;
  return `${date.toISOString().slice(0, -5)}.${fraction}Z`;
}
