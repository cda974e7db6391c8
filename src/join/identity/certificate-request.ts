/** Certificate requests (PKCS #10, RFC 2986). */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { derElement, DerTag, pemOf } from './der.js';

/** ecdsa-with-SHA256, 1.2.840.10045.4.3.2. */
const ECDSA_SHA256 = Buffer.from('2a8648ce3d040302', 'hex');
const VERSION_1 = Buffer.of(0);

/** A request, and the key it is for. */
export interface CertificateRequest {
  /** The request in PEM. */
  readonly pem: Buffer;
  readonly privateKey: KeyObject;
}

/** Makes a P-256 key and a request for it. The subject is empty: a swarm's CA takes nothing but the public key. */
export function createCertificateRequest(): CertificateRequest {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const info = derElement(
    DerTag.Sequence,
    derElement(DerTag.Integer, VERSION_1),
    derElement(DerTag.Sequence),
    publicKey.export({ type: 'spki', format: 'der' }),
    derElement(DerTag.Context0),
  );
  const request = derElement(
    DerTag.Sequence,
    info,
    derElement(DerTag.Sequence, derElement(DerTag.ObjectId, ECDSA_SHA256)),
    derElement(DerTag.BitString, Buffer.of(0), sign('sha256', info, privateKey)),
  );
  return { pem: Buffer.from(pemOf('CERTIFICATE REQUEST', request)), privateKey };
}
