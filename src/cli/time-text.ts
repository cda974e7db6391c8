/** Times in text output. */

/**
 * A time of a report (ISO 8601 with nanoseconds) with the digits that its capture has: microseconds, unless the
 * nanoseconds aren't zero.
 */
export function shownTime(time: string): string {
  return time.replace(/(\.\d{6})000(?=Z?$)/, '$1').replace(' ', 'T');
}
