/** Texts that diagnoses are made of: lists, exhibits and commands. */
import type { Exhibit } from '../finding.js';
import type { Placed } from '../evidence/place.js';

/** Items of a list that are named. */
const NAMED = 5;
/** Places of an exhibit. */
const PLACES = 5;
/** What a shell takes as one word, and as nothing but a word. */
const PLAIN_WORD = /^[\w@%+=:,./-]+$/;
// eslint-disable-next-line no-control-regex -- removing them is the purpose
const CONTROLS = /[\u0000-\u001f\u007f]/g;

/** A list in a sentence: `a, b and c`; `a, b, c, d, e and 7 more`. */
export function listed(items: readonly string[]): string {
  const unique = [...new Set(items)];
  const named = unique.slice(0, NAMED);
  if (unique.length > NAMED) return `${named.join(', ')} and ${unique.length - NAMED} more`;
  if (named.length < 2) return named.join('');
  return `${named.slice(0, -1).join(', ')} and ${named[named.length - 1]}`;
}

/** A number with its noun: `1 SA`, `3 SAs`, `1,200 packets`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? noun : plural}`;
}

/** An exhibit with the places of facts. */
export function exhibit(text: string, facts: readonly Placed[]): Exhibit {
  return { text, places: facts.slice(0, PLACES).map(({ place }) => place) };
}

/** Text from an input as one word of a shell command. */
export function shellWord(text: string): string {
  if (PLAIN_WORD.test(text) && !text.startsWith('-')) return text;
  return `'${text.replace(CONTROLS, '').replaceAll("'", String.raw`'\''`)}'`;
}

/** How a command is run in the network namespace of a Docker network on its node. */
export function inNamespace(networkId: string | undefined, command: string): string {
  const id = networkId === undefined || networkId === '' ? 'NETWORK' : networkId.slice(0, 10);
  // The names begin with a number that counts up from 1 with every start of the engine.
  const glob = /^\w+$/.test(id) ? `/var/run/docker/netns/*-${id}*` : '/var/run/docker/netns/*-NETWORK*';
  return `nsenter --net=$(ls -d ${glob}) ${command}`;
}
