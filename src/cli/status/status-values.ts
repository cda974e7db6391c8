/** Members of a status document, which another process wrote, perhaps of another version. */
import type { StatusDocument } from '../../live/index.js';

/** An object of the document. */
export type Members = Readonly<Record<string, unknown>>;

/** A section, with no members if the document lacks it. */
export function sectionOf(document: StatusDocument, name: string): Members {
  return membersOf(document[name]);
}

/** An object, with no members if it is something else. */
export function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
}

/** The objects of a list. */
export function listOf(value: unknown): readonly Members[] {
  return Array.isArray(value) ? value.map(membersOf) : [];
}

/** A text or a number as text, `-` for anything else. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value === '' ? '-' : value;
  return typeof value === 'number' ? String(value) : '-';
}

/** A number; 0 for anything else. */
export function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

/** A list of texts with commas, `-` if it is empty. */
export function textsOf(value: unknown): string {
  return Array.isArray(value) && value.length > 0 ? value.map(textOf).join(', ') : '-';
}
