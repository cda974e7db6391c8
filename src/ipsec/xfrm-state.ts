/** The SAs of the output of `ip xfrm state`; unusable ones are reported. */
import { decodeHex } from '../memory/internal.js';
import { quoted } from '../text/plain-text.js';
import { IpsecError } from './error.js';
import { Keymat, WEAK_KEY_WARNING } from './keymat.js';
import { MAX_REPLAY_WINDOW, MIN_REPLAY_WINDOW } from './replay-window.js';
import {
  checkSecurityAssociation,
  EspMode,
  formatSpi,
  MAX_SPI,
  type SecurityAssociation,
} from './security-association.js';
import { isNamed, type XfrmEntry, xfrmEntries } from './xfrm-dump.js';

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

function bytesOf(hex: string): Uint8Array {
  const digits = hex.slice(2);
  if (digits.length % 2 !== 0) throw new IpsecError('BAD_KEY_LENGTH', 'its key has an odd number of digits');
  return decodeHex(digits);
}

/** Why an SA is not supported, or undefined. A missing key is reported separately. */
function unsupportedReason(entry: XfrmEntry): string | undefined {
  if (entry.protocol !== 'esp') return `uses protocol ${quoted(entry.protocol)}; only ESP is supported`;
  if (entry.mode !== '' && entry.mode !== EspMode.Transport && entry.mode !== EspMode.Tunnel) {
    return `uses mode ${quoted(entry.mode)}; only transport and tunnel are supported`;
  }
  if (entry.algorithm !== undefined && !AES_GCM.test(entry.algorithm)) {
    return `uses ${quoted(entry.algorithm)}; only rfc4106(gcm(aes)) is supported`;
  }
  if (entry.encap !== undefined && entry.encapType !== 'espinudp') {
    return `is encapsulated as ${quoted(entry.encapType)}; only espinudp is supported`;
  }
  return undefined;
}

/** The receiver's window: the dump's, within the supported range. */
function windowOf(entry: XfrmEntry): number {
  const shown = entry.esn ? entry.esnWindow || entry.window || DEFAULT_ESN_WINDOW : entry.esnWindow || entry.window;
  if (shown === 0) return 0;
  return Math.min(MAX_REPLAY_WINDOW, Math.max(MIN_REPLAY_WINDOW, shown));
}

function associationOf(entry: XfrmEntry): SecurityAssociation {
  return {
    spi: entry.spi,
    source: entry.source,
    destination: entry.destination,
    mode: entry.mode === EspMode.Tunnel ? EspMode.Tunnel : EspMode.Transport,
    keymat: new Keymat(bytesOf(entry.key)),
    icvLength: entry.icvBits / 8,
    esn: entry.esn,
    replayWindow: windowOf(entry),
    ...(entry.encap === undefined ? {} : { encap: entry.encap }),
    sequence: { high: entry.high, low: entry.low },
  };
}

/** The creation times of ESP SAs, without duplicates. */
function madeOf(entries: readonly XfrmEntry[]): SaCreation[] {
  const made = new Map<string, SaCreation>();
  for (const entry of entries) {
    const { protocol, spi, source, destination, added } = entry;
    if (protocol !== 'esp' || added === '' || !isNamed(entry)) continue;
    made.set(`${spi} ${source} ${destination} ${added}`, { spi, source, destination, text: added });
  }
  return [...made.values()];
}

/** Why an SA has no key. */
function missingKeyReason({ spi, algorithm, redacted, source }: XfrmEntry): string {
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
  const entries = [...xfrmEntries(text)];
  for (const entry of entries) {
    if (!isNamed(entry)) {
      warnings.push(`line ${entry.line}: needs two addresses and an SPI from 1 to ${MAX_SPI}: skipped`);
      continue;
    }
    const name = `SPI ${formatSpi(entry.spi)} to ${entry.destination}`;
    const where = `line ${entry.line}: ${name}`;
    const unsupported = unsupportedReason(entry);
    if (unsupported !== undefined) {
      warnings.push(`${where} ${unsupported}: skipped`);
      continue;
    }
    if (entry.key === '') {
      // `-s` of some versions omits the key that `-d` shows.
      keyless.set(name, `${where} ${missingKeyReason(entry)}: skipped`);
      continue;
    }
    try {
      const association = associationOf(entry);
      checkSecurityAssociation(association);
      const known = found.get(name);
      if (known === undefined) {
        found.set(name, association);
        if (association.keymat.isWeak) warnings.push(`${where} ${WEAK_KEY_WARNING}`);
        lines.set(name, entry.line);
      } else if (!known.keymat.equals(association.keymat)) {
        warnings.push(`${where} has a different key than line ${lines.get(name)}, which is used`);
      }
    } catch (error) {
      if (!(error instanceof IpsecError)) throw error;
      warnings.push(`${where}: ${error.message.replace(/^SPI 0x[0-9a-f]+: /, '')}: skipped`);
    }
  }
  for (const [name, warning] of keyless) if (!found.has(name)) warnings.push(warning);
  return { associations: [...found.values()], warnings, inferMode: false, made: madeOf(entries) };
}
