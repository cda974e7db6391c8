/**
 * The sentences that an extcap answers Wireshark with (extcap(4)): a word, and members in braces.
 *
 *     interface {value=vtep-eth0}{display=vtep: inner frames of eth0}
 */
import { printable } from '../../text/plain-text.js';

/** What a sentence is about. */
export type SentenceKind = 'extcap' | 'interface' | 'dlt' | 'arg';

/** Its members; undefined ones are left out. */
export type SentenceMembers = Readonly<Record<string, string | number | boolean | undefined>>;

/** Formats a sentence. Braces would end a member, so they become parentheses. */
export function sentence(kind: SentenceKind, members: SentenceMembers): string {
  const parts = Object.entries(members).flatMap(([name, value]) =>
    value === undefined ? [] : [`{${name}=${memberText(String(value))}}`],
  );
  return `${kind} ${parts.join('')}`;
}

function memberText(text: string): string {
  return printable(text).replaceAll('{', '(').replaceAll('}', ')');
}
