/** What a status document consists of. */

/** A section of the document. */
export interface StatusSection {
  /** Members before the rows: totals and settings. */
  readonly facts: Readonly<Record<string, unknown>>;
  /**
   * Rows, made while they are read; undefined between them is a chance to pause, such as after a part of a large table
   * without anything to show.
   * @default none: the section is only its facts
   */
  readonly rows?: Iterable<object | undefined>;
}

/** Sections by name, each made when it is asked for. */
export type StatusSections = ReadonlyMap<string, () => StatusSection>;

/** Version of the document: raised when a member changes its meaning or goes away, not when one is added. */
export const STATUS_VERSION = 1;
