/** A part of an input that one command printed, as its parser gets it. */
import { printable } from '../../text/plain-text.js';
import { withoutKeys } from '../../text/secret-text.js';
import type { Place } from '../evidence/place.js';

/** Number of characters of a line that are kept. */
const MAX_KEPT = 400;
/** Too short for a key, and without anything to escape. */
const SHORT = /^[ -~]{0,15}$/;
/** A container's id has 64 digits. */
const MAX_ID = 64;

/** A part of an input. */
export interface Source {
  /** Name of the file, as given. */
  readonly file: string;
  /** The result of `plainText`. */
  readonly text: string;
  /** Line of the file on which the text begins, from 1. */
  readonly firstLine: number;
  /** Network namespace, if a marker or a prompt names it. */
  readonly namespace: string | undefined;
  /** The command, if a marker or a prompt shows it; empty if not. */
  readonly command: string;
  /**
   * Reports what could not be used, and why.
   * @param line line of `text`, from 1
   */
  readonly warn: (what: string, line?: number) => void;
}

/**
 * The place of a fact.
 * @param line line of the source's text, from 1
 */
export function placeIn({ file, firstLine, namespace }: Source, line: number): Place {
  const place = { file, line: firstLine + line - 1 };
  return namespace === undefined ? place : { ...place, namespace };
}

/** A line as it is kept: of bounded length, without keys and control characters. */
export function keptText(text: string): string {
  if (SHORT.test(text)) return text;
  const kept = printable(withoutKeys(text.slice(0, MAX_KEPT)));
  return text.length > MAX_KEPT ? `${kept}…` : kept;
}

/** An id as it is kept. Unlike other text, it may look like a key: ids of containers and networks are random. */
export function keptId(text: string): string {
  return printable(text.slice(0, MAX_ID));
}
