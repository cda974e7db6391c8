/** What is open after further files are given. */
import type { ByteLocation } from '../../capture/byte-store.js';
import type { GivenText } from '../../worker/messages.js';

/**
 * The texts after further ones are given: these come first, since of two keys of an SA the first one counts. A text with the
 * name of another replaces it.
 */
export function withTexts(before: readonly GivenText[], added: readonly GivenText[]): readonly GivenText[] {
  const names = new Set(added.map(({ name }) => name));
  return [...added, ...before.filter(({ name }) => !names.has(name))];
}

/** The captures after further ones are given. Each has a name of its own, since findings and packets refer to it by that. */
export function withCaptures(before: readonly ByteLocation[], added: readonly ByteLocation[]): readonly ByteLocation[] {
  const names = new Set(before.map(({ name }) => name));
  const all = [...before];
  for (const capture of added) {
    let { name } = capture;
    for (let i = 2; names.has(name); i++) name = `${capture.name} (${i})`;
    names.add(name);
    all.push({ ...capture, name });
  }
  return all;
}
