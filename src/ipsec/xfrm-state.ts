/**
 * Reads what `ip xfrm state` prints (iproute2, ip/ipxfrm.c), with and without `-d`, `-s` and `-o`, one dump or several one
 * behind the other, other output in between, as a terminal, a mail or a forum left it. What it doesn't know it ignores;
 * what it can't use it names.
 */
import { bytesOfHex } from '../memory/hex.js';
import { type PastedLine, pastedLines, withoutWraps } from '../pasted-text.js';
import { quoted } from '../plain-text.js';
import { IpsecError } from './error.js';
import { Keymat, WEAK_KEY_REMARK } from './keymat.js';
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

/** The SAs of a file, and what of it could not be used: a line each. */
export interface ImportedSas {
  readonly associations: readonly SecurityAssociation[];
  readonly remarks: readonly string[];
  /** Whether the file doesn't say modes and encapsulations: they are then to be taken from the packets. */
  readonly lenient: boolean;
  /** When SAs were made, where the file says it (`-s`); an SA of both ends may have two times. */
  readonly made?: readonly SaMade[];
}

/** When a node made an SA. */
export interface SaMade {
  readonly spi: number;
  readonly source: string;
  readonly destination: string;
  /** The time by that node's clock and zone: `2026-11-21 01:45:41`. */
  readonly text: string;
}

/** The only algorithm that is read: AES-GCM in ESP (RFC 4106), as the kernel names it. */
const AES_GCM = /^(?:seqiv\()?rfc4106\(gcm\(aes\)\)\)?$/;
/** Where ESN's window isn't said. */
const DEFAULT_ESN_WINDOW = 64;

/** What the lines of one SA say. */
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
  /** When it was made. */
  added: string;
  /** Whether something stands in the key's place that isn't a key. */
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

/** Takes one indented line into the draft. */
function takeLine(draft: Draft, text: string): void {
  const proto = /^proto (\S+) spi (0x[0-9a-f]+)(?:\(\d+\))?(?: reqid \S+)?(?: mode (\S+))?/i.exec(text);
  if (proto !== null) {
    draft.protocol = proto[1];
    draft.spi = Number(proto[2]);
    draft.mode = proto.at(3) ?? EspMode.Transport;
    return;
  }
  const window = /^replay-window (\d+)(.*)$/.exec(text);
  // In the statistics of `-s` the same words count what the window refused.
  if (window !== null && !window[2].startsWith(' replay ')) {
    draft.window = Number(window[1]);
    draft.esn ||= /\besn\b/.test(window[2]);
    return;
  }
  const cipher = /^(?:aead|enc) (\S+)(.*)$/.exec(text);
  if (cipher !== null) {
    draft.algorithm = cipher[1];
    // The key may be hidden, in which case words stand in its place or nothing at all.
    draft.key = /(?:^| )(0x[0-9a-f]+)(?= |$)/i.exec(cipher[2])?.[1] ?? '';
    // What `ip xfrm state nokeys` prints is known; whatever else is there, somebody wrote.
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

/** A dump knows one direction of an SA; the other one's numbers are zero. */
function takeSequence(draft: Draft, high: number, low: number): void {
  if (high > draft.high || (high === draft.high && low > draft.low)) {
    draft.high = high;
    draft.low = low;
  }
}

function bytesOf(hex: string): Uint8Array {
  const digits = hex.slice(2);
  if (digits.length % 2 !== 0) throw new IpsecError('BAD_KEY_LENGTH', 'its key has an odd number of digits');
  return bytesOfHex(digits);
}

/** What stands against using a draft, apart from a key that isn't there. */
function objection(draft: Draft): string | undefined {
  if (draft.protocol !== 'esp') return `is of protocol ${quoted(draft.protocol)}; only ESP is read`;
  if (draft.mode !== EspMode.Transport && draft.mode !== EspMode.Tunnel) {
    return `is of mode ${quoted(draft.mode)}; transport and tunnel are read`;
  }
  if (draft.algorithm !== undefined && !AES_GCM.test(draft.algorithm)) {
    return `uses ${quoted(draft.algorithm)}; only rfc4106(gcm(aes)) is read`;
  }
  if (draft.encap !== undefined && draft.encapType !== 'espinudp') {
    return `is encapsulated as ${quoted(draft.encapType)}; only espinudp is read`;
  }
  return undefined;
}

/** The window that the receiver is given: what the dump says, within what vtep knows. */
function windowOf(draft: Draft): number {
  const said = draft.esn ? draft.esnWindow || draft.window || DEFAULT_ESN_WINDOW : draft.esnWindow || draft.window;
  if (said === 0) return 0;
  return Math.min(MAX_REPLAY_WINDOW, Math.max(MIN_REPLAY_WINDOW, said));
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

/** What a line of an SA or of a policy begins with. */
const STARTS =
  /^(?:src|proto|mode|replay-window|replay_window|aead|enc|auth|auth-trunc|comp|encap|anti-replay|seq-hi|failed|sel|tmpl|mark|output-mark|if_id|crypto|tfcpad|coa|coaddr|security|lastused|lifetime|limit:|expire|stats:|add|dir|iptfs|\d+\(bytes\),)(?:\s|$)/;
/** Words between which a terminal may have broken a line. */
const WORDS = new Set(
  'src dst proto spi reqid mode transport tunnel beet flag seq oseq bitmap esn align4 af-unspec replay failed use add uid type sport dport addr hard soft'.split(
    ' ',
  ),
);
const HEAD = /^src ([0-9a-f.:]{1,45}) dst ([0-9a-f.:]{1,45})(?:\s+(\S.*))?$/i;
const PROTO = /^proto \S{1,16} spi /i;

function linesOf(text: string): Generator<PastedLine, void> {
  return withoutWraps(pastedLines(text), {
    // A key's end can look like the word that it isn't; what is complete has its ICV's length at the end.
    begins: (line) => STARTS.test(line) && !/^mode\s/.test(line),
    isWord: (word) => WORDS.has(word),
  });
}

/**
 * The lines of a dump, each SA's with its head. A line behind an SA belongs to it if it is indented more than the head, or
 * is one of an SA's: forums and mails take the indentation away.
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
      // A policy's head is followed by its direction, and has prefixes.
      const isHead = head !== null && PROTO.test(line.text);
      if (isHead) indent = waiting.indent;
      yield { head: isHead ? head : undefined, line: waiting };
    }
    if (HEAD.test(line.text)) {
      before = line;
    } else if (line.indent > indent || (STARTS.test(line.text) && !/^src\s/.test(line.text))) {
      yield { head: undefined, line };
    } else {
      // What ends an SA has no words of one.
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

/** Whether addresses and SPI are such: what stands in their place may be a key. */
function isNamed({ source, destination, spi }: Draft): boolean {
  return looksLikeAddress(source) && looksLikeAddress(destination) && spi <= MAX_SPI;
}

/** The times at which ESP SAs were made, each once. */
function madeOf(drafts: readonly Draft[]): SaMade[] {
  const made = new Map<string, SaMade>();
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
function keylessness({ spi, algorithm, redacted, source }: Draft): string {
  if (spi === 0 && algorithm === undefined) {
    return `from ${source} is an acquire: the kernel waits for an SA that nobody has set up`;
  }
  if (redacted) return 'has something else in the place of its key (was it taken out?)';
  return 'has no key (ip xfrm state shows keys to root, and without nokeys)';
}

/** Reads the SAs of a dump; the same SA in several dumps is one. */
export function parseXfrmState(text: string): ImportedSas {
  const found = new Map<string, SecurityAssociation>();
  const lines = new Map<string, number>();
  const keyless = new Map<string, string>();
  const remarks: string[] = [];
  const drafts = draftsOf(text);
  for (const draft of drafts) {
    if (!isNamed(draft)) {
      remarks.push(`line ${draft.line}: not two addresses and an SPI from 1 to ${MAX_SPI}: passed over`);
      continue;
    }
    const name = `SPI ${formatSpi(draft.spi)} to ${draft.destination}`;
    const where = `line ${draft.line}: ${name}`;
    const against = objection(draft);
    if (against !== undefined) {
      remarks.push(`${where} ${against}: passed over`);
      continue;
    }
    if (draft.key === '') {
      // `-s` of some versions leaves the key out where `-d` beside it shows it.
      keyless.set(name, `${where} ${keylessness(draft)}: passed over`);
      continue;
    }
    try {
      const association = associationOf(draft);
      checkSecurityAssociation(association);
      const known = found.get(name);
      if (known === undefined) {
        found.set(name, association);
        if (association.keymat.isWeak) remarks.push(`${where} ${WEAK_KEY_REMARK}`);
        lines.set(name, draft.line);
      } else if (!known.keymat.equals(association.keymat)) {
        remarks.push(`${where} has another key than in line ${lines.get(name)}, which is used`);
      }
    } catch (error) {
      if (!(error instanceof IpsecError)) throw error;
      remarks.push(`${where}: ${error.message.replace(/^SPI 0x[0-9a-f]+: /, '')}: passed over`);
    }
  }
  for (const [name, remark] of keyless) if (!found.has(name)) remarks.push(remark);
  return { associations: [...found.values()], remarks, lenient: false, made: madeOf(drafts) };
}
