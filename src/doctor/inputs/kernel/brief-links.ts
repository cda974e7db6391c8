/** Devices of `ip -br addr` and `ip -br link`: one line each, without an MTU. */
import type { Link } from '../../evidence/kernel.js';
import { macOf, prefixOf } from '../address-text.js';
import { keptText, placeIn, type Source } from '../source.js';

/** The states of RFC 2863, as ip prints them (iproute2, ip/ipaddress.c). */
const STATE = 'UNKNOWN|NOTPRESENT|DOWN|LOWERLAYERDOWN|TESTING|DORMANT|UP';
const LINE = new RegExp(String.raw`^([^\s:@]{1,64})(?:@[^\s:]{1,64})?\s+(${STATE})(?:\s+(\S.*))?$`);
/** Maximum number of words of a line that are read. */
const MAX_WORDS = 64;
const FLAGS = /^<([A-Z0-9_,-]{0,200})>$/;

/** Whether a line is one of such an output. A device without addresses and MAC looks like other programs' lines, too. */
export function isBriefLink(line: string): boolean {
  const rest = LINE.exec(line)?.at(3);
  return rest !== undefined && rest.split(/\s+/, MAX_WORDS).some((word) => FLAGS.test(word) || isPrefix(word));
}

function isPrefix(word: string): boolean {
  return word.includes('/') && prefixOf(word) !== undefined;
}

/** The device of a line; undefined if it is none. Its MTU is 0. */
export function briefLinkOf(source: Source, number: number, line: string): Link | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const words = (match.at(3) ?? '').split(/\s+/, MAX_WORDS).filter((word) => word !== '');
  const flags = words.flatMap((word) => FLAGS.exec(word)?.[1].split(',') ?? []);
  return {
    place: placeIn(source, number),
    name: keptText(match[1]),
    mtu: 0,
    up: flags.length > 0 ? flags.includes('UP') : match[2] === 'UP',
    kind: '',
    mac: macOf(words.at(0) ?? '') ?? '',
    master: '',
    vxlan: undefined,
    addresses: words.filter(isPrefix).flatMap((word) => prefixOf(word) ?? []),
    counters: undefined,
  };
}
