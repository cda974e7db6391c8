/** A security association as negotiated (RFC 4301 section 4.4.2): the endpoints and the ESP parameters. */
import { isIcvLength } from '../aead/portable.js';
import { withoutKeyParts } from '../text/secret-text.js';
import { parseIpv4, parseIpv6, VtepError } from '../wire/index.js';
import { IpsecError } from './error.js';
import type { Keymat } from './keymat.js';
import { checkLimits, type SaLimits } from './lifetime.js';
import { MAX_REPLAY_WINDOW, MIN_REPLAY_WINDOW } from './replay-window.js';

/** What ESP protects: the IP packet's payload, or the whole packet (RFC 4303 section 3.1). */
export const EspMode = { Transport: 'transport', Tunnel: 'tunnel' } as const;
export type EspMode = (typeof EspMode)[keyof typeof EspMode];

/** Characters of the longest address: IPv6 with a dotted decimal tail. */
const MAX_ADDRESS = 45;
export const MAX_SPI = 0xffffffff;

/** ESP in UDP (RFC 3948). */
export interface UdpEncap {
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** One direction between two addresses, AES-GCM (RFC 4106). */
export interface SecurityAssociation {
  /** 1 to 2^32 - 1. */
  readonly spi: number;
  readonly source: string;
  readonly destination: string;
  readonly mode: EspMode;
  /** AES key and salt. */
  readonly keymat: Keymat;
  /** Bytes of the ICV: 8, 12 or 16. */
  readonly icvLength: number;
  /** Extended sequence numbers: 64 bits, of which the low-order half is transmitted. */
  readonly esn: boolean;
  /** Anti-replay window in packets: 32 to 4096, or 0 for no check (not with ESN). */
  readonly replayWindow: number;
  readonly encap?: UdpEncap;
  readonly limits?: SaLimits;
  /** The SA's sequence number when it was dumped, for receivers that start mid-stream. */
  readonly sequence?: { readonly high: number; readonly low: number };
}

/** An SA's addresses as bytes. */
export interface SaAddresses {
  /** 4 or 6. */
  readonly family: 4 | 6;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

function addressBytes(name: string, text: string): Uint8Array {
  try {
    return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  } catch (error) {
    if (error instanceof VtepError) throw new IpsecError('BAD_ADDRESS', `${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Whether text from a file looks like an address, rather than a key, and may therefore appear in a message. */
export function looksLikeAddress(text: string): boolean {
  return /^[0-9a-f]*[.:][0-9a-f.:]*$/i.test(text) && text.length <= MAX_ADDRESS && withoutKeyParts(text, true) === text;
}

/** Formats an SPI as `0x` and eight digits, as `ip xfrm` prints it. */
export function formatSpi(spi: number): string {
  return `0x${spi.toString(16).padStart(8, '0')}`;
}

/**
 * Checks an SA's parameters.
 * @returns its addresses as bytes
 * @throws IpsecError that names the SPI and the mistake
 */
export function checkSecurityAssociation(sa: SecurityAssociation): SaAddresses {
  const { spi, replayWindow } = sa;
  if (!Number.isInteger(spi) || spi < 1 || spi > MAX_SPI) {
    throw new IpsecError('BAD_SPI', `an SPI must be from 1 to 4294967295, not ${spi}`);
  }
  const name = `SPI ${formatSpi(spi)}`;
  const source = addressBytes(name, sa.source);
  const destination = addressBytes(name, sa.destination);
  if (source.length !== destination.length) {
    throw new IpsecError('BAD_ADDRESS', `${name}: ${sa.source} and ${sa.destination} are of different IP versions`);
  }
  if (!isIcvLength(sa.icvLength)) {
    throw new IpsecError('BAD_ICV_LENGTH', `${name}: an ICV of AES-GCM has 8, 12 or 16 bytes, not ${sa.icvLength}`);
  }
  const windowed = replayWindow >= MIN_REPLAY_WINDOW && replayWindow <= MAX_REPLAY_WINDOW;
  if (!Number.isInteger(replayWindow) || !(windowed || (replayWindow === 0 && !sa.esn))) {
    const none = sa.esn ? '; extended sequence numbers need one' : ', or 0 for none';
    throw new IpsecError(
      'BAD_REPLAY_WINDOW',
      `${name}: a replay window has ${MIN_REPLAY_WINDOW} to ${MAX_REPLAY_WINDOW} packets${none}; not ${replayWindow}`,
    );
  }
  const { encap, sequence } = sa;
  if (encap !== undefined && !(isPort(encap.sourcePort) && isPort(encap.destinationPort))) {
    throw new IpsecError('BAD_PORT', `${name}: UDP ports must be from 1 to 65535`);
  }
  if (sequence !== undefined) checkSequence(sequence, name);
  checkLimits(sa.limits, name);
  return { family: source.length === 4 ? 4 : 6, source, destination };
}

/** @throws IpsecError `BAD_SEQUENCE` unless both halves of a sequence number are unsigned 32-bit integers */
export function checkSequence({ high, low }: { high: number; low: number }, name: string): void {
  const isWord = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
  if (!isWord(high) || !isWord(low)) {
    throw new IpsecError('BAD_SEQUENCE', `${name}: the halves of a sequence number must be from 0 to 4294967295`);
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 0xffff;
}
