/** MAC and IP addresses: parsing and formatting. Not for the packet path: it allocates strings. */
import { VtepError } from '../error.js';
import { quoted } from '../text/plain-text.js';

const HEX: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

function invalid(kind: string, text: string): VtepError {
  return new VtepError('BAD_ADDRESS', `not ${kind} address: ${quoted(text)}`);
}

/** Formats the 6 bytes at `offset` as `aa:bb:cc:dd:ee:ff`. */
export function formatMac(bytes: Uint8Array, offset = 0): string {
  let text = HEX[bytes[offset]];
  for (let i = 1; i < 6; i++) text += `:${HEX[bytes[offset + i]]}`;
  return text;
}

/** Parses `aa:bb:cc:dd:ee:ff` or `aa-bb-cc-dd-ee-ff` to 6 bytes. Throws `BAD_ADDRESS`. */
export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i.test(text)) throw invalid('a MAC', text);
  return Uint8Array.from(text.split(/[:-]/), (part) => Number.parseInt(part, 16));
}

/** The MAC that Docker derives from an IPv4 address of 4 bytes: 02:42, followed by them. */
export function macOfIpv4(address: Uint8Array): Uint8Array {
  return Uint8Array.of(0x02, 0x42, address[0], address[1], address[2], address[3]);
}

/** Formats the 4 bytes at `offset` as dotted decimal. */
export function formatIpv4(bytes: Uint8Array, offset = 0): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** Parses a dotted decimal address to 4 bytes; no octal, no short forms. Throws `BAD_ADDRESS`. */
export function parseIpv4(text: string): Uint8Array {
  const parts = text.split('.');
  if (parts.length !== 4) throw invalid('an IPv4', text);
  return Uint8Array.from(parts, (part) => {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) throw invalid('an IPv4', text);
    return Number(part);
  });
}

/** Formats the 16 bytes at `offset` by RFC 5952: lower case, the longest run of zero groups as `::`. */
export function formatIpv6(bytes: Uint8Array, offset = 0): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[offset + i] << 8) | bytes[offset + i + 1]);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatIpv4(bytes, offset + 12)}`;
  }
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > length) {
      start = i;
      length = run;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** Parses the dotted decimal tail of an IPv6 address; the error names the whole address. */
function ipv4Tail(part: string, whole: string): Uint8Array {
  try {
    return parseIpv4(part);
  } catch {
    throw invalid('an IPv6', whole);
  }
}

/**
 * @param last whether the address ends here, the only position where dotted decimal is allowed (RFC 4291 section 2.2)
 */
function parseGroups(text: string, whole: string, last: boolean): number[] {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  parts.forEach((part, i) => {
    if (last && i === parts.length - 1 && part.includes('.')) {
      const tail = ipv4Tail(part, whole);
      groups.push((tail[0] << 8) | tail[1], (tail[2] << 8) | tail[3]);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) throw invalid('an IPv6', whole);
      groups.push(Number.parseInt(part, 16));
    }
  });
  return groups;
}

/** Parses an IPv6 address in any form of RFC 4291 section 2.2, without a zone, to 16 bytes. Throws `BAD_ADDRESS`. */
export function parseIpv6(text: string): Uint8Array {
  const halves = text.split('::');
  if (halves.length > 2) throw invalid('an IPv6', text);
  const head = parseGroups(halves[0], text, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1], text, true) : [];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) throw invalid('an IPv6', text);
  const bytes = new Uint8Array(16);
  [...head, ...new Array<number>(missing).fill(0), ...tail].forEach((group, i) => {
    bytes[2 * i] = group >>> 8;
    bytes[2 * i + 1] = group;
  });
  return bytes;
}

/** Formats the IPv4 (family 4) or IPv6 (family 6) address at `offset`. */
export function formatIp(family: number, bytes: Uint8Array, offset = 0): string {
  return family === 4 ? formatIpv4(bytes, offset) : formatIpv6(bytes, offset);
}

/** Whether the 6 bytes at `offset` are all zero. */
export function isZeroMac(bytes: Uint8Array, offset: number): boolean {
  const word = bytes[offset] | bytes[offset + 1] | bytes[offset + 2];
  return (word | bytes[offset + 3] | bytes[offset + 4] | bytes[offset + 5]) === 0;
}
