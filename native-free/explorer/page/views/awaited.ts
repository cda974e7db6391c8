/** What a view says in place of what only the whole of the captures shows. */

/**
 * Says that something is still to come, or won't.
 * @param what in the plural: `Findings`
 */
export function awaitedText(what: string, isReading: boolean): string {
  return isReading
    ? `${what} come once every packet has been read.`
    : `${what} need every packet, but reading ended early. “Read again” brings them.`;
}
