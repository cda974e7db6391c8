/** What hey reports (Debian: hey). */

/** Requests by what came of them. */
export interface HeyReport {
  /** Responses by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Failures by message. */
  readonly errors: Readonly<Record<string, number>>;
  /** The line about the rate, and that about the slowest hundredth. */
  readonly summary: string;
}

/** Reads hey's summary. */
export function parseHey(text: string): HeyReport {
  const [, errors = ''] = text.split('Error distribution:');
  const counts = (from: string, pattern: RegExp): Record<string, number> =>
    Object.fromEntries(
      [...from.matchAll(pattern)].map(({ groups = {} }) => [groups['what'] ?? '', Number(groups['count'])]),
    );
  return {
    statuses: counts(text, /^\s*\[(?<what>\d{3})\]\s+(?<count>\d+) responses$/gm),
    errors: counts(errors, /^\s*\[(?<count>\d+)\]\s+(?<what>.+)$/gm),
    summary: [/Requests\/sec:\s+[\d.]+/, /99% in [\d.]+ secs/]
      .map((pattern) => pattern.exec(text)?.[0].replace(/\s+/g, ' ') ?? '')
      .join(', '),
  };
}
