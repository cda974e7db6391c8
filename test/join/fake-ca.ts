/** Issues certificates as a swarm's CA does. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { derElement, derElements, pemOf } from '../../src/join/identity/der.js';

const SEQUENCE = 0x30;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ECDSA_SHA256 = derElement(SEQUENCE, derElement(0x06, Buffer.from('2a8648ce3d040302', 'hex')));

/** What is certified. */
export interface Subject {
  readonly commonName: string;
  readonly role?: string;
  readonly organization?: string;
  /** DNS names and IPv4 addresses. */
  readonly names?: readonly string[];
  /** SPKI in DER. */
  readonly publicKey: Uint8Array;
  /** Milliseconds since 1970. */
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly isCa?: boolean;
}

function nameOf(attributes: readonly (readonly [string, string | undefined])[]): Buffer {
  const parts = attributes.flatMap(([oid, value]) =>
    value === undefined
      ? []
      : [
          derElement(
            0x31,
            derElement(SEQUENCE, derElement(0x06, Buffer.from(oid, 'hex')), derElement(0x13, Buffer.from(value))),
          ),
        ],
  );
  return derElement(SEQUENCE, ...parts);
}

function subjectName({ commonName, role, organization }: Omit<Subject, 'publicKey'>): Buffer {
  return nameOf([
    ['55040a', organization],
    ['55040b', role],
    ['550403', commonName],
  ]);
}

function timeOf(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return derElement(0x17, Buffer.from(`${digits}Z`));
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [derElement(0x01, Buffer.of(0xff))] : [];
  return derElement(SEQUENCE, derElement(0x06, Buffer.from(oid, 'hex')), ...flag, derElement(0x04, value));
}

function alternativeName(name: string): Buffer {
  return isIPv4(name)
    ? derElement(0x87, Buffer.from(name.split('.').map(Number)))
    : derElement(0x82, Buffer.from(name));
}

function keyId(publicKey: Uint8Array): Buffer {
  return createHash('sha1').update(publicKey).digest();
}

/** The public key of a certificate request: SPKI in DER. */
export function keyOfRequest(pem: Uint8Array): Uint8Array {
  const base64 = Buffer.from(pem)
    .toString()
    .replace(/-----[^-]+-----|\s/g, '');
  const request = derElements(Buffer.from(base64, 'base64'))?.[0];
  const info = request === undefined ? undefined : derElements(request.content)?.[0];
  const key = info === undefined ? undefined : derElements(info.content)?.[2];
  if (key === undefined) throw new Error('not a certificate request');
  return key.whole;
}

/** A CA. */
export class FakeCa {
  readonly pem: string;
  readonly #key: KeyObject;
  /** SPKI in DER. */
  readonly publicKey: Buffer;
  readonly #name: string;

  constructor(name = 'swarm-ca') {
    this.#name = name;
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = privateKey;
    this.publicKey = publicKey.export({ type: 'spki', format: 'der' });
    this.pem = this.issue({ commonName: name, publicKey: this.publicKey, isCa: true });
  }

  /** Issues a certificate in PEM: by default valid from an hour ago for 90 days. */
  issue(subject: Subject): string {
    const {
      names = [],
      publicKey,
      notBefore = Date.now() - HOUR_MS,
      notAfter = notBefore + 90 * DAY_MS,
      isCa,
    } = subject;
    const extensions = [
      // With two CAs of one name, only these tell which one issued a certificate.
      extension('551d0e', false, derElement(0x04, keyId(publicKey))),
      extension('551d23', false, derElement(SEQUENCE, derElement(0x80, keyId(this.publicKey)))),
      ...(isCa === true ? [extension('551d13', true, derElement(SEQUENCE, derElement(0x01, Buffer.of(0xff))))] : []),
      ...(names.length === 0 ? [] : [extension('551d11', false, derElement(SEQUENCE, ...names.map(alternativeName)))]),
    ];
    const serial = randomBytes(8);
    serial[0] = (serial[0] & 0x3f) | 0x40;
    const body = derElement(
      SEQUENCE,
      derElement(0xa0, derElement(0x02, Buffer.of(2))),
      derElement(0x02, serial),
      ECDSA_SHA256,
      subjectName({ commonName: this.#name }),
      derElement(SEQUENCE, timeOf(notBefore), timeOf(notAfter)),
      subjectName(subject),
      publicKey,
      derElement(0xa3, derElement(SEQUENCE, ...extensions)),
    );
    const signature = derElement(0x03, Buffer.of(0), sign('sha256', body, this.#key));
    return pemOf('CERTIFICATE', derElement(SEQUENCE, body, ECDSA_SHA256, signature));
  }

  /** This CA's key, certified by another one: the intermediate certificate of a root rotation. */
  crossSignedBy(other: FakeCa): string {
    return other.issue({ commonName: this.#name, publicKey: this.publicKey, isCa: true });
  }

  /** A key in PEM and its certificate. */
  certify(subject: Omit<Subject, 'publicKey'>): { readonly key: string; readonly cert: string } {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return {
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      cert: this.issue({ ...subject, publicKey: publicKey.export({ type: 'spki', format: 'der' }) }),
    };
  }

  /** A token of this CA. */
  token(secret = '1234567890123456789012345'): string {
    let digest = BigInt(`0x${createHash('sha256').update(this.pem).digest('hex')}`);
    let digits = '';
    for (; digest > 0n; digest /= 36n) digits = (digest % 36n).toString(36) + digits;
    return `SWMTKN-1-${digits.padStart(50, '0')}-${secret}`;
  }
}
