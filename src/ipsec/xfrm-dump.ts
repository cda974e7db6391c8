/**
 * Reads the entries of `ip xfrm state` (iproute2, ip/ipxfrm.c), with or without `-d`, `-s` and `-o`: one dump or several
 * concatenated, with other output in between, as copied from a terminal, an e-mail or a forum. Unknown lines are
 * ignored.
 */
import { type PastedLine, pastedLines, withoutWraps } from '../text/pasted-text.js';
import { looksLikeAddress, MAX_SPI, type UdpEncap } from './security-association.js';

const WORD = 2 ** 32;

/** An entry of a dump, usable or not. Numbers are -1 if the dump doesn't show them. */
export interface XfrmEntry {
  /** Line of the text, from 1. */
  readonly line: number;
  readonly source: string;
  readonly destination: string;
  protocol: string;
  spi: number;
  /** Empty if not shown. */
  mode: string;
  /** The cipher by the kernel's name; undefined if none is shown. */
  algorithm: string | undefined;
  /** Its key, as `0x` and digits; empty if not shown. */
  key: string;
  icvBits: number;
  /** The algorithm of AH, or of ESP without an AEAD cipher; undefined if none is shown. */
  authentication: string | undefined;
  authenticationKey: string;
  /** Bits of a truncated ICV. */
  authenticationBits: number;
  window: number;
  esn: boolean;
  esnWindow: number;
  encap: UdpEncap | undefined;
  encapType: string;
  /** The larger of both directions' sequence numbers: a dump shows only one of them, and zero for the other. */
  high: number;
  low: number;
  sent: number;
  received: number;
  /** With its mask, as printed; empty if it has none. */
  mark: string;
  /** Of `lifetime current`. */
  bytes: number;
  packets: number;
  /** Times of creation and of the last use; empty if not shown. */
  added: string;
  used: string;
  /** Packets outside the window, replayed, and with a wrong ICV. */
  tooOld: number;
  replayed: number;
  failed: number;
  /** Whether something other than a key is in the key's position. */
  redacted: boolean;
  /** 8 digits of the key's hash, which `vtep doctor --collect` prints instead of the key; empty if not. */
  keyId: string;
}

function entryAt(line: number, source: string, destination: string): XfrmEntry {
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
    authentication: undefined,
    authenticationKey: '',
    authenticationBits: 0,
    window: 0,
    esn: false,
    esnWindow: 0,
    encap: undefined,
    encapType: '',
    high: 0,
    low: 0,
    sent: -1,
    received: -1,
    mark: '',
    bytes: -1,
    packets: -1,
    added: '',
    used: '',
    tooOld: -1,
    replayed: -1,
    failed: -1,
    redacted: false,
    keyId: '',
  };
}

/** The key of an algorithm's line; empty if it is hidden, and replaced by words or by nothing. */
function keyOf(rest: string): string {
  return /(?:^| )(0x[0-9a-f]+)(?= |$)/i.exec(rest)?.[1] ?? '';
}

function keyIdOf(rest: string): string {
  return /<key ([0-9a-f]{8})>/.exec(rest)?.[1] ?? '';
}

/** Parses one indented line into the entry. */
function takeLine(entry: XfrmEntry, text: string): void {
  const proto = /^proto (\S+) spi (0x[0-9a-f]+)(?:\(\d+\))?(?: reqid \S+)?(?: mode (\S+))?/i.exec(text);
  if (proto !== null) {
    entry.protocol = proto[1];
    entry.spi = Number(proto[2]);
    entry.mode = proto.at(3) ?? '';
    return;
  }
  const window = /^replay-window (\d+)(.*)$/.exec(text);
  if (window !== null) {
    // The statistics of `-s` use the same words for packets that the window dropped.
    const statistics = /^ replay (\d+) failed (\d+)/.exec(window[2]);
    if (statistics !== null) {
      entry.tooOld = Number(window[1]);
      entry.replayed = Number(statistics[1]);
      entry.failed = Number(statistics[2]);
    } else if (!window[2].startsWith(' replay ')) {
      entry.window = Number(window[1]);
      entry.esn ||= /\besn\b/.test(window[2]);
    }
    return;
  }
  const cipher = /^(?:aead|enc) (\S+)(.*)$/.exec(text);
  if (cipher !== null) {
    entry.algorithm = cipher[1];
    entry.key = keyOf(cipher[2]);
    entry.keyId = keyIdOf(cipher[2]);
    // `ip xfrm state nokeys` prints a known placeholder; anything else is a person's redaction.
    entry.redacted =
      entry.key === '' &&
      !cipher[2].includes('<<Keys hidden>>') &&
      !/^(?: \(\d+ bits\))?(?: \d{1,4})?$/.test(cipher[2]);
    entry.icvBits = Number(/ (\d{1,4})$/.exec(cipher[2])?.[1] ?? 0);
    return;
  }
  const authentication = /^auth(?:-trunc)? (\S+)(.*)$/.exec(text);
  if (authentication !== null) {
    entry.authentication = authentication[1];
    entry.authenticationKey = keyOf(authentication[2]);
    entry.keyId ||= keyIdOf(authentication[2]);
    entry.authenticationBits = Number(/ (\d{1,4})$/.exec(authentication[2])?.[1] ?? 0);
    return;
  }
  const encap = /^encap type (\S+) sport (\d+) dport (\d+)/.exec(text);
  if (encap !== null) {
    entry.encapType = encap[1];
    entry.encap = { sourcePort: Number(encap[2]), destinationPort: Number(encap[3]) };
    return;
  }
  const esn = /^seq-hi (0x[0-9a-f]+), seq (0x[0-9a-f]+), oseq-hi (0x[0-9a-f]+), oseq (0x[0-9a-f]+)/.exec(text);
  if (esn !== null) {
    entry.esn = true;
    takeSequences(entry, Number(esn[1]), Number(esn[2]), Number(esn[3]), Number(esn[4]));
    return;
  }
  const legacy = /^anti-replay context: seq (0x[0-9a-f]+), oseq (0x[0-9a-f]+)/.exec(text);
  if (legacy !== null) {
    takeSequences(entry, 0, Number(legacy[1]), 0, Number(legacy[2]));
    return;
  }
  const counts = /^(\d+)\(bytes\), (\d+)\(packets\)/.exec(text);
  if (counts !== null) {
    entry.bytes = Number(counts[1]);
    entry.packets = Number(counts[2]);
    return;
  }
  const times = /^add (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) use (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)?/.exec(text);
  if (times !== null) {
    entry.added = times[1];
    entry.used = times.at(2) ?? '';
    return;
  }
  const mark = /^mark (0x[0-9a-f]+\/0x[0-9a-f]+)/i.exec(text);
  if (mark !== null) {
    entry.mark = mark[1];
    return;
  }
  const esnWindow = /^replay_window (\d+)/.exec(text);
  if (esnWindow !== null) entry.esnWindow = Number(esnWindow[1]);
}

function takeSequences(entry: XfrmEntry, high: number, low: number, sentHigh: number, sentLow: number): void {
  entry.received = high * WORD + low;
  entry.sent = sentHigh * WORD + sentLow;
  takeSequence(entry, high, low);
  takeSequence(entry, sentHigh, sentLow);
}

function takeSequence(entry: XfrmEntry, high: number, low: number): void {
  if (high > entry.high || (high === entry.high && low > entry.low)) {
    entry.high = high;
    entry.low = low;
  }
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

/** The lines of a dump of SAs or policies; those that a terminal or a mail program wrapped are rejoined. */
export function xfrmLines(text: string): Generator<PastedLine, void> {
  return withoutWraps(pastedLines(text), {
    // The end of a key can look like such a word; a complete line ends with the ICV length.
    begins: (line) => STARTS.test(line) && !/^mode\s/.test(line),
    isWord: (word) => WORDS.has(word),
  });
}

/**
 * The lines of a dump, each SA's with its head. A line belongs to the SA before it if it is indented more than the
 * head, or is a line of an SA.
 */
function* headsOf(
  text: string,
): Generator<{ readonly head: RegExpExecArray | undefined; readonly line: PastedLine }, void> {
  let before: PastedLine | undefined;
  let indent = 0;
  for (const line of xfrmLines(text)) {
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

/** The entries of a dump, in its order. */
export function* xfrmEntries(text: string): Generator<XfrmEntry, void> {
  let current: XfrmEntry | undefined;
  for (const { head, line } of headsOf(text)) {
    if (head !== undefined) {
      if (current !== undefined && current.protocol !== '') yield current;
      current = entryAt(line.number, head[1], head[2]);
    } else if (line.text === '' || /^src\s/.test(line.text)) {
      if (current !== undefined && current.protocol !== '') yield current;
      current = undefined;
    } else if (current !== undefined) {
      takeLine(current, line.text);
    }
  }
  if (current !== undefined && current.protocol !== '') yield current;
}

/** Whether addresses and SPI are valid: anything else in their position may be a key. */
export function isNamed({ source, destination, spi }: XfrmEntry): boolean {
  return looksLikeAddress(source) && looksLikeAddress(destination) && spi <= MAX_SPI;
}

/** Whether a text looks like a dump of SAs. */
export function isXfrmState(text: string): boolean {
  if (!/\bsrc\s/.test(text)) return false;
  for (const { head } of headsOf(text)) if (head !== undefined) return true;
  return false;
}
