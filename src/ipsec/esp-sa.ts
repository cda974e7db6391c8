/**
 * Reads and writes Wireshark's `esp_sa` file: with it in the configuration folder, and the ESP preferences to decrypt
 * and to check enabled, Wireshark and tshark open the packets. One line per SA: protocol, source, destination, SPI,
 * cipher, key, authentication, its key, each in quotes (epan/dissectors/packet-ipsec.c).
 */
import { decodeHex, encodeHex } from '../memory/internal.js';
import { quoted } from '../text/plain-text.js';
import { IpsecError } from './error.js';
import { Keymat, WEAK_KEY_WARNING } from './keymat.js';
import {
  checkSecurityAssociation,
  EspMode,
  formatSpi,
  looksLikeAddress,
  MAX_SPI,
  type SecurityAssociation,
} from './security-association.js';
import type { ImportedSas } from './xfrm-state.js';

/** Window of SAs whose line specifies 64-bit sequence numbers. */
const ESN_WINDOW = 64;
/** A quoted field, in which `"` and non-printable characters are escaped as \x and two digits. */
const FIELD = /\s*"([^"\\]*(?:\\.[^"\\]*)*)"\s*(?:,|$)/y;
/** Longest line that is parsed. */
const MAX_LINE = 4096;

/** Whether a text looks like an `esp_sa` file. */
export function isEspSa(text: string): boolean {
  return /^[ \t]*"IPv[46]"[ \t]*,[ \t]*"[^"\n]{0,80}"[ \t]*,/m.test(text);
}

function fieldsOf(line: string): string[] {
  const fields: string[] = [];
  FIELD.lastIndex = 0;
  for (let match = FIELD.exec(line); match !== null; match = FIELD.exec(line)) {
    fields.push(match[1]);
    if (FIELD.lastIndex >= line.length) break;
  }
  return fields;
}

/** Size of the ICV in bytes by the cipher's name, or undefined for another cipher. */
function icvLengthOf(cipher: string): number | undefined {
  const match = /^AES-GCM with (8|12|16) octet ICV \[RFC4106\]$/.exec(cipher);
  return match === null ? undefined : Number(match[1]);
}

function parseLine(line: string): SecurityAssociation | string {
  if (line.length > MAX_LINE) return `is longer than ${MAX_LINE} characters`;
  const [protocol, source, destination, spi, cipher = '', key, , , snLength] = fieldsOf(line) as (string | undefined)[];
  if (protocol !== 'IPv4' && protocol !== 'IPv6') return `is neither IPv4 nor IPv6`;
  if (source === undefined || destination === undefined || spi === undefined || !/^(0x[0-9a-f]+|\d+)$/i.test(spi)) {
    return 'has no single SPI (wildcards are not supported)';
  }
  // A longer number may be a key.
  if (Number(spi) > MAX_SPI) return `has no SPI from 1 to ${MAX_SPI}`;
  const name = `SPI ${formatSpi(Number(spi))}`;
  if (!looksLikeAddress(source) || !looksLikeAddress(destination)) {
    return `${name} has no plain addresses (wildcards and prefixes are not supported)`;
  }
  const icvLength = icvLengthOf(cipher);
  if (icvLength === undefined) {
    return `${name} uses ${quoted(cipher)}; only AES-GCM with 8, 12 or 16 octet ICV [RFC4106] is supported`;
  }
  if (key === undefined || !/^0x(?:[0-9a-f]{2})+$/i.test(key)) return `${name} has no key of 0x and hexadecimal digits`;
  const esn = snLength === '64-bit';
  return {
    spi: Number(spi),
    source,
    destination,
    mode: EspMode.Transport,
    keymat: new Keymat(decodeHex(key.slice(2))),
    icvLength,
    esn,
    replayWindow: esn ? ESN_WINDOW : 0,
  };
}

/**
 * Parses an `esp_sa` file. The format has neither an SA's mode nor its UDP encapsulation, so both are inferred from the
 * packets (`InboundSaOptions.inferMode`). Unusable lines are skipped with a warning.
 * @example
 * import { readFileSync } from 'node:fs';
 * import { formatSpi, parseEspSa } from 'vtep/ipsec';
 *
 * const { associations } = parseEspSa(readFileSync('esp_sa', 'utf8'));
 * for (const { spi } of associations) console.log(formatSpi(spi));
 */
export function parseEspSa(text: string): ImportedSas {
  const associations: SecurityAssociation[] = [];
  const warnings: string[] = [];
  const lines = new Map<string, number>();
  text.split(/\r?\n/).forEach((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return;
    const where = `line ${index + 1}`;
    try {
      const association = parseLine(line);
      if (typeof association === 'string') {
        warnings.push(`${where} ${association}: skipped`);
        return;
      }
      checkSecurityAssociation(association);
      const name = `SPI ${formatSpi(association.spi)} to ${association.destination}`;
      const first = lines.get(name);
      if (first !== undefined) {
        warnings.push(`${where}: ${name} is already defined in line ${first}, which is used`);
        return;
      }
      lines.set(name, index + 1);
      if (association.keymat.isWeak) warnings.push(`${where}: ${name} ${WEAK_KEY_WARNING}`);
      associations.push(association);
    } catch (error) {
      if (!(error instanceof IpsecError)) throw error;
      warnings.push(`${where}: ${error.message.replace(/^SPI 0x[0-9a-f]+: /, '')}: skipped`);
    }
  });
  return { associations, warnings, inferMode: true };
}

/**
 * Formats an `esp_sa` file for Wireshark 3 and 4. It contains the keys: write it where only its owner can read it. With
 * extended sequence numbers Wireshark decrypts but reports every ICV as wrong, since it omits the high-order half.
 */
export function formatEspSa(associations: Iterable<SecurityAssociation>): string {
  let text = '';
  for (const sa of associations) {
    const fields = [
      sa.destination.includes(':') ? 'IPv6' : 'IPv4',
      sa.source,
      sa.destination,
      formatSpi(sa.spi),
      `AES-GCM with ${sa.icvLength} octet ICV [RFC4106]`,
      `0x${sa.keymat.use(encodeHex)}`,
      'NULL',
      '',
    ];
    text += `${fields.map((field) => `"${field}"`).join(',')}\n`;
  }
  return text;
}
