/** SAs of `ip xfrm state`, whatever their algorithm. Their keys are hashed and dropped. */
import { isNamed, xfrmEntries } from '../../../ipsec/internal.js';
import { decodeHex } from '../../../memory/internal.js';
import type { XfrmSa } from '../../evidence/kernel.js';
import { addressOf } from '../address-text.js';
import { keptText, placeIn, type Source } from '../source.js';
import { sha256Hex } from './sha256.js';

/** Digits of the salt, which ends the key of an AEAD of RFC 4106 or 4309. */
const SALT_DIGITS = 8;
const HASH_DIGITS = 8;

/**
 * Identifies a key without revealing it.
 * @param key as `0x` and digits; the salt of an AEAD isn't part of what is hashed, since Docker's is the SPI
 * @returns undefined if it is no key
 */
function keyIdOf(key: string, algorithm: string): string | undefined {
  const digits = key.slice(2).toLowerCase();
  const secret = /rfc4(?:106|309|543)/.test(algorithm) ? digits.slice(0, -SALT_DIGITS) : digits;
  if (secret === '' || secret.length % 2 !== 0) return undefined;
  return sha256Hex(decodeHex(secret)).slice(0, HASH_DIGITS);
}

/** The SAs of a source. */
export function* parseXfrmSas(source: Source): Generator<XfrmSa, void> {
  for (const entry of xfrmEntries(source.text)) {
    const sourceAddress = addressOf(entry.source);
    const destination = addressOf(entry.destination);
    if (!isNamed(entry) || sourceAddress === undefined || destination === undefined) {
      source.warn('an SA without two addresses and an SPI: skipped', entry.line);
      continue;
    }
    const algorithm = entry.algorithm ?? entry.authentication ?? '';
    yield {
      place: placeIn(source, entry.line),
      source: sourceAddress,
      destination,
      protocol: keptText(entry.protocol),
      spi: entry.spi,
      mode: keptText(entry.mode),
      algorithm: keptText(algorithm),
      icvBits: entry.icvBits || entry.authenticationBits,
      keyId: keyIdOf(entry.key || entry.authenticationKey, algorithm) ?? (entry.keyId || undefined),
      replayWindow: entry.esnWindow || entry.window,
      esn: entry.esn,
      sent: entry.sent,
      received: entry.received,
      mark: entry.mark,
      bytes: entry.bytes,
      packets: entry.packets,
      added: entry.added,
      used: entry.used,
      replayErrors: entry.replayed < 0 ? -1 : entry.replayed + Math.max(0, entry.tooOld),
      integrityErrors: entry.failed,
    };
  }
}
