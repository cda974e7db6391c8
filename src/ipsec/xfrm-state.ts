/**
 * Parses the output of `ip xfrm state` (iproute2, ip/ipxfrm.c), with or without `-d`, `-s` and `-o`: one dump or
 * several concatenated, with other output in between, as copied from a terminal, an e-mail or a forum. Unknown lines
 * are ignored; unusable SAs are reported.
 */
import { decodeHex } from '../memory/internal.js';
import { type PastedLine, pastedLines, withoutWraps } from '../text/pasted-text.js';
import { quoted } from '../text/plain-text.js';
import { IpsecError } from './error.js';
import { Keymat, WEAK_KEY_WARNING } from './keymat.js';
import { MAX_REPLAY_WINDOW, MIN_REPLAY_WINDOW } from './replay-window.js';
import {
  checkSecurityAssociation,
  EspMode,
  formatSpi,
  looksLikeAddress,
  MAX_SPI,
  type SecurityAssociation,
  type UdpEncap,
} from './security-association.js';

/** The SAs of a file, and warnings about unusable parts, one line each. */
export interface ImportedSas {
  /** The SAs with their keys. */
  readonly associations: readonly SecurityAssociation[];
  /** What could not be used, and why, for people. */
  readonly warnings: readonly string[];
  /** Whether the file lacks modes and encapsulations, which are then inferred from the packets. */
  readonly inferMode: boolean;
  /** Creation times of SAs, if the file has them (`-s`); an SA dumped on both ends may have two. */
  readonly made?: readonly SaCreation[];
}

/** When a node created an SA. */
export interface SaCreation {
  readonly spi: number;
  readonly source: string;
  readonly destination: string;
  /** The time in that node's clock and zone: `2026-11-21 01:45:41`. */
  readonly text: string;
}

/** The only supported algorithm: AES-GCM in ESP (RFC 4106), by the kernel's name. */
const AES_GCM = /^(?:seqiv\()?rfc4106\(gcm\(aes\)\)\)?$/;
/** ESN window if the dump has none. */
const DEFAULT_ESN_WINDOW = 64;

/** The lines of one SA. */
interface Draft {
  /** Line of the file, from 1. */
  readonly line: number;
  readonly source: string;
  readonly destination: string;
  protocol: string;
  spi: number;
  mode: string;
  algorithm: string | undefined;
  key: string;
  icvBits: number;
  window: number;
  esn: boolean;
  esnWindow: number;
  encap: UdpEncap | undefined;
  encapType: string;
  high: number;
  low: number;
  /** Creation time. */
  added: string;
  /** Whether something other than a key is in the key's position. */
  redacted: boolean;
}

function draftAt(line: number, source: string, destination: string): Draft {
  return {
    line,
    source,
    destination,
    protocol: '',
    spi: 0,
    mode: '',
    algorithm: undefined,
    key: '',
    icvBits: 0,
    window: 0,
    esn: false,
    esnWindow: 0,
    encap: undefined,
    encapType: '',
    high: 0,
    low: 0,
    added: '',
    redacted: false,
  };
}

/** Parses one indented line into the draft. */
function takeLine(draft: Draft, text: string): void {
  const proto = /^proto (\S+) spi (0x[0-9a-f]+)(?:\(\d+\))?(?: reqid \S+)?(?: mode (\S+))?/i.exec(text);
  if (proto !== null) {
    draft.protocol = proto[1];
    draft.spi = Number(proto[2]);
    draft.mode = proto.at(3) ?? EspMode.Transport;
    return;
  }
  const window = /^replay-window (\d+)(.*)$/.exec(text);
  // The statistics of `-s` use the same words for packets that the window dropped.
  if (window !== null && !window[2].startsWith(' replay ')) {
    draft.window = Number(window[1]);
    draft.esn ||= /\besn\b/.test(window[2]);
    return;
  }
  const cipher = /^(?:aead|enc) (\S+)(.*)$/.exec(text);
  if (cipher !== null) {
    draft.algorithm = cipher[1];
    // The key may be hidden, and replaced by words or by nothing.
    draft.key = /(?:^| )(0x[0-9a-f]+)(?= |$)/i.exec(cipher[2])?.[1] ?? '';
    // `ip xfrm state nokeys` prints a known placeholder; anything else is a person's redaction.
    draft.redacted =
      draft.key === '' &&
      !cipher[2].includes('<<Keys hidden>>') &&
      !/^(?: \(\d+ bits\))?(?: \d{1,4})?$/.test(cipher[2]);
    draft.icvBits = Number(/ (\d{1,4})$/.exec(cipher[2])?.[1] ?? 0);
    return;
  }
  const encap = /^encap type (\S+) sport (\d+) dport (\d+)/.exec(text);
  if (encap !== null) {
    draft.encapType = encap[1];
    draft.encap = { sourcePort: Number(encap[2]), destinationPort: Number(encap[3]) };
    return;
  }
  const esn = /^seq-hi (0x[0-9a-f]+), seq (0x[0-9a-f]+), oseq-hi (0x[0-9a-f]+), oseq (0x[0-9a-f]+)/.exec(text);
  if (esn !== null) {
    draft.esn = true;
    takeSequence(draft, Number(esn[1]), Number(esn[2]));
    takeSequence(draft, Number(esn[3]), Number(esn[4]));
    return;
  }
  const legacy = /^anti-replay context: seq (0x[0-9a-f]+), oseq (0x[0-9a-f]+)/.exec(text);
  if (legacy !== null) {
    takeSequence(draft, 0, Number(legacy[1]));
    takeSequence(draft, 0, Number(legacy[2]));
    return;
  }
  const added = /^add (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) use /.exec(text);
  if (added !== null) {
    draft.added = added[1];
    return;
  }
  const esnWindow = /^replay_window (\d+)/.exec(text);
  if (esnWindow !== null) draft.esnWindow = Number(esnWindow[1]);
}

/** Takes the larger of both directions' sequence numbers: a dump shows only one of them, and zero for the other. */
function takeSequence(draft: Draft, high: number, low: number): void {
  if (high > draft.high || (high === draft.high && low > draft.low)) {
    draft.high = high;
    draft.low = low;
  }
}

function bytesOf(hex: string): Uint8Array {
  const digits = hex.slice(2);
  if (digits.length % 2 !== 0) throw new IpsecError('BAD_KEY_LENGTH', 'its key has an odd number of digits');
  return decodeHex(digits);
}

/** Why an SA is not supported, or undefined. A missing key is reported separately. */
function unsupportedReason(draft: Draft): string | undefined {
  if (draft.protocol !== 'esp') return `uses protocol ${quoted(draft.protocol)}; only ESP is supported`;
  if (draft.mode !== EspMode.Transport && draft.mode !== EspMode.Tunnel) {
    return `uses mode ${quoted(draft.mode)}; only transport and tunnel are supported`;
  }
  if (draft.algorithm !== undefined && !AES_GCM.test(draft.algorithm)) {
    return `uses ${quoted(draft.algorithm)}; only rfc4106(gcm(aes)) is supported`;
  }
  if (draft.encap !== undefined && draft.encapType !== 'espinudp') {
    return `is encapsulated as ${quoted(draft.encapType)}; only espinudp is supported`;
  }
  return undefined;
}

/** The receiver's window: the dump's, within the supported range. */
function windowOf(draft: Draft): number {
  const shown = draft.esn ? draft.esnWindow || draft.window || DEFAULT_ESN_WINDOW : draft.esnWindow || draft.window;
  if (shown === 0) return 0;
  return Math.min(MAX_REPLAY_WINDOW, Math.max(MIN_REPLAY_WINDOW, shown));
}

function associationOf(draft: Draft): SecurityAssociation {
  return {
    spi: draft.spi,
    source: draft.source,
    destination: draft.destination,
    mode: draft.mode === EspMode.Tunnel ? EspMode.Tunnel : EspMode.Transport,
    keymat: new Keymat(bytesOf(draft.key)),
    icvLength: draft.icvBits / 8,
    esn: draft.esn,
    replayWindow: windowOf(draft),
    ...(draft.encap === undefined ? {} : { encap: draft.encap }),
    sequence: { high: draft.high, low: draft.low },
  };
}

/** Starts of the lines of an SA or of a policy. */
const STARTS =
  /^(?:src|proto|mode|replay-window|replay_window|aead|enc|auth|auth-trunc|comp|encap|anti-replay|seq-hi|failed|sel|tmpl|mark|output-mark|if_id|crypto|tfcpad|coa|coaddr|security|lastused|lifetime|limit:|expire|stats:|add|dir|iptfs|\d+\(bytes\),)(?:\s|$)/;
/** Words at which a terminal may have wrapped a line. */
const WORDS = new Set(
  'src dst proto spi reqid mode transport tunnel beet flag seq oseq bitmap esn align4 af-unspec replay failed use add uid type sport dport addr hard soft'.split(
    ' ',
  ),
);
const HEAD = /^src ([0-9a-f.:]{1,45}) dst ([0-9a-f.:]{1,45})(?:\s+(\S.*))?$/i;
const PROTO = /^proto \S{1,16} spi /i;

function linesOf(text: string): Generator<PastedLine, void> {
  return withoutWraps(pastedLines(text), {
    // The end of a key can look like such a word; a complete line ends with the ICV length.
    begins: (line) => STARTS.test(line) && !/^mode\s/.test(line),
    isWord: (word) => WORDS.has(word),
  });
}

/**
 * The lines of a dump, each SA's with its head. A line belongs to the SA before it if it is indented more than the
 * head, or is a line of an SA: forums and e-mails strip the indentation.
 */
function* headsOf(
  text: string,
): Generator<{ readonly head: RegExpExecArray | undefined; readonly line: PastedLine }, void> {
  let before: PastedLine | undefined;
  let indent = 0;
  for (const line of linesOf(text)) {
    const waiting = before;
    before = undefined;
    if (waiting !== undefined) {
      const head = HEAD.exec(waiting.text);
      // A policy's head has prefixes, and its direction follows.
      const isHead = head !== null && PROTO.test(line.text);
      if (isHead) indent = waiting.indent;
      yield { head: isHead ? head : undefined, line: waiting };
    }
    if (HEAD.test(line.text)) {
      before = line;
    } else if (line.indent > indent || (STARTS.test(line.text) && !/^src\s/.test(line.text))) {
      yield { head: undefined, line };
    } else {
      // A line that ends an SA has none of its words.
      yield { head: undefined, line: { ...line, text: '' } };
    }
  }
}

function draftsOf(text: string): Draft[] {
  const drafts: Draft[] = [];
  let current: Draft | undefined;
  for (const { head, line } of headsOf(text)) {
    if (head !== undefined) {
      current = draftAt(line.number, head[1], head[2]);
      drafts.push(current);
    } else if (line.text === '' || /^src\s/.test(line.text)) {
      current = undefined;
    } else if (current !== undefined) {
      takeLine(current, line.text);
    }
  }
  return drafts.filter((draft) => draft.protocol !== '');
}

/** Whether addresses and SPI are valid: anything else in their position may be a key. */
function isNamed({ source, destination, spi }: Draft): boolean {
  return looksLikeAddress(source) && looksLikeAddress(destination) && spi <= MAX_SPI;
}

/** The creation times of ESP SAs, without duplicates. */
function madeOf(drafts: readonly Draft[]): SaCreation[] {
  const made = new Map<string, SaCreation>();
  for (const draft of drafts) {
    const { protocol, spi, source, destination, added } = draft;
    if (protocol !== 'esp' || added === '' || !isNamed(draft)) continue;
    made.set(`${spi} ${source} ${destination} ${added}`, { spi, source, destination, text: added });
  }
  return [...made.values()];
}

/** Whether a text looks like a dump of SAs. */
export function isXfrmState(text: string): boolean {
  if (!/\bsrc\s/.test(text)) return false;
  for (const { head } of headsOf(text)) if (head !== undefined) return true;
  return false;
}

/** Why an SA has no key. */
function missingKeyReason({ spi, algorithm, redacted, source }: Draft): string {
  if (spi === 0 && algorithm === undefined) {
    return `from ${source} is an acquire: the kernel waits for an SA that was never set up`;
  }
  if (redacted) return 'has something else in place of its key (was it redacted?)';
  return 'has no key (ip xfrm state shows keys only to root, and without nokeys)';
}

/**
 * Parses the SAs of a dump; the same SA in several dumps is returned once.
 * @example
 * import { readFileSync } from 'node:fs';
 * import { formatSpi, parseXfrmState } from 'vtep/ipsec';
 *
 * const { associations, warnings } = parseXfrmState(readFileSync('xfrm-state.txt', 'utf8'));
 * for (const { spi, mode, icvLength } of associations) console.log(formatSpi(spi), mode, icvLength);
 * for (const warning of warnings) console.error(warning);
 */
export function parseXfrmState(text: string): ImportedSas {
  const found = new Map<string, SecurityAssociation>();
  const lines = new Map<string, number>();
  const keyless = new Map<string, string>();
  const warnings: string[] = [];
  const drafts = draftsOf(text);
  for (const draft of drafts) {
    if (!isNamed(draft)) {
      warnings.push(`line ${draft.line}: needs two addresses and an SPI from 1 to ${MAX_SPI}: skipped`);
      continue;
    }
    const name = `SPI ${formatSpi(draft.spi)} to ${draft.destination}`;
    const where = `line ${draft.line}: ${name}`;
    const unsupported = unsupportedReason(draft);
    if (unsupported !== undefined) {
      warnings.push(`${where} ${unsupported}: skipped`);
      continue;
    }
    if (draft.key === '') {
      // `-s` of some versions omits the key that `-d` shows.
      keyless.set(name, `${where} ${missingKeyReason(draft)}: skipped`);
      continue;
    }
    try {
      const association = associationOf(draft);
      checkSecurityAssociation(association);
      const known = found.get(name);
      if (known === undefined) {
        found.set(name, association);
        if (association.keymat.isWeak) warnings.push(`${where} ${WEAK_KEY_WARNING}`);
        lines.set(name, draft.line);
      } else if (!known.keymat.equals(association.keymat)) {
        warnings.push(`${where} has a different key than line ${lines.get(name)}, which is used`);
      }
    } catch (error) {
      if (!(error instanceof IpsecError)) throw error;
      warnings.push(`${where}: ${error.message.replace(/^SPI 0x[0-9a-f]+: /, '')}: skipped`);
    }
  }
  for (const [name, warning] of keyless) if (!found.has(name)) warnings.push(warning);
  return { associations: [...found.values()], warnings, inferMode: false, made: madeOf(drafts) };
}
