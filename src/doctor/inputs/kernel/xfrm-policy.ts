/** Policies of `ip xfrm policy` (iproute2, ip/ipxfrm.c), with or without `-d`, `-s` and `-o`. */
import { xfrmLines } from '../../../ipsec/internal.js';
import type { XfrmPolicy } from '../../evidence/kernel.js';
import { prefixOf } from '../address-text.js';
import { keptText, placeIn, type Source } from '../source.js';

/** A policy of a socket (`socket in`) has no direction of its own. */
const HEAD = /^src ([0-9a-f.:]{1,45}\/\d{1,3}) dst ([0-9a-f.:]{1,45}\/\d{1,3})(?:\s+(\S.*))?$/i;
const DIRECTION = /^(?:dir|socket) (in|out|fwd)\b/;
const TEMPLATE_SPI = /^proto \S{1,16} spi (0x[0-9a-f]{1,8})/i;

type Draft = { -readonly [Name in keyof XfrmPolicy]: XfrmPolicy[Name] };

/** The policies of a source. */
export function* parseXfrmPolicies(source: Source): Generator<XfrmPolicy, void> {
  let current: Draft | undefined;
  let inTemplate = false;
  for (const { number, text } of xfrmLines(source.text)) {
    const head = HEAD.exec(text);
    if (head !== null) {
      if (current !== undefined) yield current;
      current = draftOf(source, number, head);
      inTemplate = false;
    } else if (current !== undefined) {
      if (text.startsWith('tmpl')) {
        inTemplate = true;
        current.spi ??= 0;
      }
      takeLine(current, text, inTemplate);
    }
  }
  if (current !== undefined) yield current;
}

function draftOf(source: Source, line: number, [, from, to, rest = '']: RegExpExecArray): Draft | undefined {
  const prefixes = [prefixOf(from), prefixOf(to)];
  const [start, end] = prefixes;
  if (start === undefined || end === undefined) {
    source.warn('a policy without two addresses: skipped', line);
    return undefined;
  }
  const portOf = (name: string): number | undefined => {
    const port = new RegExp(`(?:^|\\s)${name} (\\d{1,5})`).exec(rest)?.[1];
    return port === undefined ? undefined : Number(port);
  };
  return {
    place: placeIn(source, line),
    source: start,
    destination: end,
    protocol: keptText(/(?:^|\s)proto (\S{1,16})/.exec(rest)?.[1] ?? ''),
    sourcePort: portOf('sport'),
    destinationPort: portOf('dport'),
    direction: 'other',
    action: 'allow',
    mark: '',
    spi: undefined,
  };
}

function takeLine(policy: Draft, text: string, inTemplate: boolean): void {
  const direction = DIRECTION.exec(text)?.[1];
  if (direction !== undefined) {
    // A socket's policies stay `other`: they don't apply to forwarded or to others' packets.
    if (text.startsWith('dir')) policy.direction = direction === 'in' || direction === 'out' ? direction : 'fwd';
    if (/\baction block\b/.test(text)) policy.action = 'block';
  } else if (inTemplate) {
    const spi = TEMPLATE_SPI.exec(text)?.[1];
    if (spi !== undefined && policy.spi === 0) policy.spi = Number(spi);
  } else {
    policy.mark = /^mark (0x[0-9a-f]{1,8}\/0x[0-9a-f]{1,8})/i.exec(text)?.[1] ?? policy.mark;
  }
}
