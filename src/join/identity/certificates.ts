/** Certificates in PEM. */
import { X509Certificate } from 'node:crypto';
import { JoinError } from '../error.js';
import { derElements } from './der.js';

const MAX_PEM = 1 << 16;
const MAX_CERTIFICATES = 16;

/**
 * Parses a bundle.
 * @param what what errors call it
 * @throws JoinError `BAD_ANSWER` for anything but 1 to 16 certificates
 */
export function parseCertificates(pem: string, what: string): X509Certificate[] {
  const blocks =
    pem.length > MAX_PEM ? [] : (pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []);
  if (blocks.length === 0 || blocks.length > MAX_CERTIFICATES) {
    throw new JoinError('BAD_ANSWER', `${what}: not 1 to ${MAX_CERTIFICATES} certificates in PEM`);
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw new JoinError('BAD_ANSWER', `${what}: not a certificate`, { cause: error });
  }
}

/**
 * Parses a root CA, as managers serve it.
 * @throws JoinError `BAD_ANSWER`
 */
export function parseRootCa(pem: string): X509Certificate[] {
  const certificates = parseCertificates(pem, "the swarm's root CA");
  if (!certificates.every(({ ca }) => ca)) {
    throw new JoinError('BAD_ANSWER', "the swarm's root CA: not a certificate of a CA");
  }
  return certificates;
}

/** The attributes of a certificate's subject. */
export function subjectOf(certificate: X509Certificate): ReadonlyMap<string, string> {
  return new Map(
    certificate.subject.split('\n').map((line): [string, string] => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

/** The issuer's name in DER (RFC 5280 section 4.1): the fourth field after the optional version. */
export function issuerNameOf(certificate: X509Certificate): Uint8Array | undefined {
  const signed = derElements(certificate.raw)?.at(0);
  const body = signed === undefined ? undefined : derElements(signed.content)?.at(0);
  return body === undefined ? undefined : derElements(body.content)?.at(3)?.whole;
}
