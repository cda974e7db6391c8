/**
 * Hides keys in text. Anything quoted from a file or a command line may contain a misplaced key, so possible keys are
 * hidden wherever text becomes an error message or leaves the process (see plain-text.ts). Addresses, SPIs, times,
 * sequence numbers and fingerprints are shorter than keys or have another form, and are shown.
 */

const HIDDEN = '[hidden]';
/** Length in characters of the shortest text in which anything is hidden. */
const SHORTEST = 8;

/** Half of an AES-128 key, in hexadecimal. */
const HEX = /[0-9a-f]{16,}/gi;
/** Up to this length, digits without a letter may be a decimal number: 2^64 has 20. */
const MAX_NUMBER = 20;
/** A quarter of an AES-128 key. An SPI has as many digits, but is never quoted. */
const HEX_PART = /[0-9a-f]{8,}/gi;

/** A group of hexadecimal digits, in the sizes that dumps and tools use. */
const GROUP = /(?<![0-9a-z])(?:0x)?(?:[0-9a-f]{16}|[0-9a-f]{8}|[0-9a-f]{4}|[0-9a-f]{2})(?![0-9a-z])/gi;
const SEPARATOR = /^[^0-9a-z]{1,3}$/i;
/** Separator between the columns of a table. */
const COLUMNS = /^ {2,}$/;
/** Minimum number of groups in a key, by digits per group: an EUI-64 has 8 pairs, `ip xfrm` shows 2 adjacent SPIs. */
const FEWEST_GROUPS: Readonly<Record<number, number>> = { 2: 9, 4: 5, 8: 3, 16: 2 };
/** Groups of 4 digits in a full IPv6 address. */
const IPV6_GROUPS = 8;

/** 16 bytes in the form of a UUID. */
const UUID = /(?<![0-9a-z-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z-])/gi;
/** A genuine UUID of RFC 9562: with a version (section 4.2) and a variant (section 4.1). A key rarely has both. */
const REAL_UUID = /^.{14}[1-8].{4}[89ab]/i;

/** A byte as C and Python escape non-printable ones. */
const ESCAPED = /\\x([0-9a-f]{2})/gi;
/** Maximum number of characters between two escapes: printable bytes, and other escapes. */
const MAX_BETWEEN = 8;
/**
 * Minimum number of escapes in a key, and of distinct values. Names of systemd units have many escapes of few values.
 */
const FEWEST_ESCAPED = 6;
const FEWEST_VALUES = 5;

/** 16 bytes have 22 characters in base64, without padding. */
const BASE64 = /[a-z0-9+/_-]{20,}(?:={1,6}(?![a-z0-9=]))?/gi;
const BASE64_LENGTH = 22;
/** What distinguishes random characters from names and paths. */
interface Randomness {
  /** Maximum number of -, _ and /. */
  readonly symbols: number;
  /** Minimum number each of upper-case and lower-case letters. */
  readonly perCase: number;
  /** Minimum number of adjacent characters of different kinds: upper case, lower case, digit. */
  readonly changes: number;
  /** Minimum number of capitals if there is no digit: names of several words have fewer. */
  readonly capitals: number;
}

/** For 22 characters within a longer text. */
const IN_TEXT: Randomness = { symbols: 2, perCase: 3, changes: 9, capitals: Infinity };
/** For a text with exactly the length of 16, 20, 24, 28, 32 or 36 bytes. */
const ALONE: Randomness = { symbols: 3, perCase: 2, changes: 7, capitals: Infinity };
/** For a text of exactly 16 bytes: the last character has 2 of their bits, and 4 zero bits. */
const OF_16_BYTES: Randomness = { symbols: 4, perCase: 2, changes: 6, capitals: 8 };
const LAST_OF_16_BYTES = /[AQgw]$/;
const KEY_LENGTHS: readonly number[] = [22, 27, 32, 38, 43, 48];

/** Part of a text, from `start` to `end` (exclusive). */
interface Span {
  readonly start: number;
  readonly end: number;
}

function isNumber(digits: string): boolean {
  // Also in exponential notation: 1.2345678901234567e-7.
  return digits.length <= MAX_NUMBER && /^\d+e?$/i.test(digits);
}

/**
 * Adds runs of equally sized groups with one separator that are long enough for a key.
 * @param addresses whether the text may contain full IPv6 addresses and columns of tables
 */
function findGroups(text: string, addresses: boolean, found: Span[]): void {
  let start = 0;
  let end = -1;
  let size = 0;
  let count = 0;
  let separator = '';
  const finish = (): void => {
    // Fewer than 8 groups with colons are an address with `::`, and no key.
    const most = addresses ? IPV6_GROUPS : IPV6_GROUPS - 1;
    const isAddress = size === 4 && separator === ':' && count <= most;
    const isLong = count >= (FEWEST_GROUPS[size] ?? Infinity);
    if (isLong && !isAddress && /[a-f]/i.test(text.slice(start, end))) found.push({ start, end });
  };
  let last = 0;
  for (const { 0: group, index } of text.matchAll(GROUP)) {
    const digits = /^0x/i.test(group) ? group.length - 2 : group.length;
    const gap = end < 0 ? '' : text.slice(end, index);
    const follows = digits === size && SEPARATOR.test(gap) && !(addresses && COLUMNS.test(gap));
    if (follows && (count === 1 || gap === separator)) {
      count++;
    } else {
      finish();
      start = follows ? last : index;
      count = follows ? 2 : 1;
    }
    separator = gap;
    size = digits;
    last = index;
    end = index + group.length;
  }
  finish();
}

/** Adds 16 bytes in the form of a UUID that is not genuine. */
function findUuids(text: string, found: Span[]): void {
  for (const { 0: uuid, index } of text.matchAll(UUID)) {
    if (!REAL_UUID.test(uuid) && /[a-f]/i.test(uuid)) found.push({ start: index, end: index + uuid.length });
  }
}

/** Adds bytes escaped as in C and Python, up to nearby quotation marks or blanks. */
function findEscapes(text: string, found: Span[]): void {
  let start = 0;
  let end = -1;
  let count = 0;
  const values = new Set<string>();
  const finish = (): void => {
    if (count < FEWEST_ESCAPED || values.size < FEWEST_VALUES) return;
    const before = /[^\s"']*$/.exec(text.slice(Math.max(0, start - MAX_BETWEEN), start))?.[0].length ?? 0;
    const after = /^[^\s"']*/.exec(text.slice(end, end + MAX_BETWEEN))?.[0].length ?? 0;
    found.push({ start: start - before, end: end + after });
  };
  for (const { 0: escape, 1: value, index } of text.matchAll(ESCAPED)) {
    if (end < 0 || index - end > MAX_BETWEEN) {
      finish();
      values.clear();
      start = index;
      count = 0;
    }
    values.add(value.toLowerCase());
    count++;
    end = index + escape.length;
  }
  finish();
}

/** Whether characters alternate between upper case, lower case and digits as random base64 does. */
function looksRandom(text: string, least: Randomness): boolean {
  let symbols = 0;
  let capitals = 0;
  let small = 0;
  let digits = 0;
  let changes = 0;
  let before = 0;
  for (const character of text) {
    let kind: number;
    if (character >= 'a' && character <= 'z') {
      small++;
      kind = 1;
    } else if (character >= 'A' && character <= 'Z') {
      capitals++;
      kind = 2;
    } else if ((character >= '0' && character <= '9') || character === '+') {
      // Names and paths contain no plus sign.
      digits++;
      kind = 3;
    } else {
      symbols++;
      kind = 0;
    }
    if (kind !== 0 && before !== 0 && kind !== before) changes++;
    before = kind;
  }
  return (
    (digits > 0 || capitals >= least.capitals) &&
    Math.min(capitals, small) >= least.perCase &&
    symbols <= least.symbols &&
    changes >= least.changes
  );
}

/** Offset of the first random characters in a text, or -1. */
function findRandom(text: string): number {
  if (KEY_LENGTHS.includes(text.length) && looksRandom(text, ALONE)) return 0;
  if (text.length === BASE64_LENGTH && LAST_OF_16_BYTES.test(text) && looksRandom(text, OF_16_BYTES)) return 0;
  for (let at = 0; at + BASE64_LENGTH <= text.length; at++) {
    if (looksRandom(text.slice(at, at + BASE64_LENGTH), IN_TEXT)) return at;
  }
  return -1;
}

/** Adds what may be base64: text that is padded with `=` or looks random; in a path, only such components. */
function findBase64(text: string, found: Span[]): void {
  for (const { 0: run, index } of text.matchAll(BASE64)) {
    if (run.endsWith('=')) {
      found.push({ start: index, end: index + run.length });
      continue;
    }
    const before = found.length;
    for (const { 0: component, index: at } of run.matchAll(/[^/]+/g)) {
      const start = index + at;
      if (findRandom(component) >= 0) found.push({ start, end: start + component.length });
    }
    if (found.length > before) continue;
    // A slash is a base64 digit, too.
    const at = findRandom(run);
    if (at >= 0) found.push({ start: index + run.lastIndexOf('/', at) + 1, end: index + run.length });
  }
}

function keySpans(text: string, hex: RegExp, addresses: boolean): Span[] {
  const found: Span[] = [];
  for (const { 0: digits, index } of text.matchAll(hex)) {
    if (hex === HEX_PART || !isNumber(digits)) found.push({ start: index, end: index + digits.length });
  }
  findGroups(text, addresses, found);
  findUuids(text, found);
  findEscapes(text, found);
  findBase64(text, found);
  return found.sort((one, other) => one.start - other.start);
}

function hide(text: string, hex: RegExp, addresses: boolean): string {
  if (text.length < SHORTEST) return text;
  let result = '';
  let at = 0;
  for (const { start, end } of keySpans(text, hex, addresses)) {
    if (start >= at) result += text.slice(at, start) + HIDDEN;
    at = Math.max(at, end);
  }
  return result + text.slice(at);
}

// eslint-disable-next-line no-control-regex -- all of ASCII
const NOT_ASCII = /[^\u0000-\u007f]/;

function hideAll(text: string, hex: RegExp, addresses = true): string {
  const shown = hide(text, hex, addresses);
  if (!NOT_ASCII.test(shown)) return shown;
  // Digits may be from another script, and have invisible characters between them.
  const folded = shown.normalize('NFKC').replaceAll(/\p{Cf}/gu, '');
  const hidden = hide(folded, hex, addresses);
  return hidden === folded ? shown : hidden;
}

/**
 * Replaces possible keys in a text with `[hidden]`: runs of 16 or more hexadecimal digits, groups of digits longer than
 * any address, and base64.
 */
export function withoutKeys(text: string): string {
  return hideAll(text, HEX);
}

/**
 * As `withoutKeys`, for running text such as an error message, which has no columns and rarely a full IPv6 address.
 * There, 8 groups of 4 digits count as a key whatever separates them, and so do groups separated by several blanks.
 */
export function withoutKeysInWords(text: string): string {
  return hideAll(text, HEX, false);
}

/**
 * As `withoutKeys`, for an excerpt of a key file, which may contain part of a key: 8 hexadecimal digits are hidden,
 * too.
 * @param addresses whether the text may contain full IPv6 addresses. Default: false.
 */
export function withoutKeyParts(text: string, addresses = false): string {
  return hideAll(text, HEX_PART, addresses);
}

/**
 * Whether a whole text, or the last component of a path, is a key rather than a name that resembles one: hexadecimal,
 * or base64 of a key's length. `Capture-NodeA1B2C3-Vxlan.pcap` is not.
 */
export function isKey(text: string): boolean {
  return [text, text.slice(text.lastIndexOf('/') + 1)].some((whole) => {
    const part = whole.replace(/^0x/i, '');
    if (withoutKeys(part) !== HIDDEN) return false;
    const isBase64 = /^[a-z0-9+/_-]*[g-z+/_][a-z0-9+/_-]*$/i.test(part);
    return !isBase64 || KEY_LENGTHS.includes(part.length);
  });
}
