/** What makes a process a node: its id, its certificate and key, and the root CA it trusts. */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { JoinError } from '../error.js';
import { issuerNameOf, parseCertificates, parseRootCa, subjectOf } from './certificates.js';

const HIDDEN = '[hidden]';
const WORKER = 'swarm-worker';
const MANAGER = 'swarm-manager';
/** Node ids and cluster ids. */
const ID = /^[0-9a-z]{1,64}$/;

/** The error for a node that an administrator promoted. */
export function promoted(): JoinError {
  return new JoinError('PROMOTED', 'this node was promoted to a manager, which vtep refuses to be');
}

/** What an identity is made of. */
export interface IdentityParts {
  /** The swarm's root CA in PEM, byte for byte as a manager serves it. */
  readonly rootPem: string;
  /** The node's certificate in PEM, followed by intermediate ones. */
  readonly chainPem: string;
  readonly privateKey: KeyObject;
}

/** A node's identity. It never reveals its key in output. */
export class NodeIdentity {
  /** Id of the node, as in `docker node ls`. */
  readonly nodeId: string;
  /** Id of the swarm. */
  readonly clusterId: string;
  /** The swarm's root CA in PEM. */
  readonly rootPem: string;
  /** The certificate chain in PEM. */
  readonly chainPem: string;
  /** Validity of the certificate, in milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Name of the certificate's issuer, in DER. */
  readonly issuerName: Uint8Array;
  /** Public key of the issuer: SPKI in DER. */
  readonly issuerKey: Uint8Array;
  readonly #privateKey: KeyObject;

  /**
   * Checks that the parts belong together. Times are not checked.
   * @throws JoinError `BAD_ANSWER`; `PROMOTED` for a manager's certificate
   */
  constructor({ rootPem, chainPem, privateKey }: IdentityParts) {
    const roots = parseRootCa(rootPem);
    const [leaf, ...intermediates] = parseCertificates(chainPem, "the node's certificate");
    const subject = subjectOf(leaf);
    const role = subject.get('OU');
    if (role === MANAGER) throw promoted();
    const [nodeId = '', clusterId = ''] = [subject.get('CN'), subject.get('O')];
    if (role !== WORKER || !ID.test(nodeId) || !ID.test(clusterId)) {
      throw new JoinError('BAD_ANSWER', "the node's certificate: not one of a worker");
    }
    if (!leaf.checkPrivateKey(privateKey)) {
      throw new JoinError('BAD_ANSWER', "the node's certificate: not for the key of its request");
    }
    const issuer = issuerOf(leaf, [...intermediates, ...roots]);
    const name = issuerNameOf(leaf);
    if (issuer === undefined || name === undefined || !isRooted(leaf, intermediates, roots)) {
      throw new JoinError('BAD_ANSWER', "the node's certificate: not issued by the swarm's root CA");
    }
    this.nodeId = nodeId;
    this.clusterId = clusterId;
    this.rootPem = rootPem;
    this.chainPem = chainPem;
    this.notBefore = Date.parse(leaf.validFrom);
    this.notAfter = Date.parse(leaf.validTo);
    this.issuerName = name;
    this.issuerKey = issuer.publicKey.export({ type: 'spki', format: 'der' });
    this.#privateKey = privateKey;
  }

  /**
   * Restores an identity from its parts in PEM.
   * @throws JoinError `BAD_IDENTITY`
   */
  static restore(rootPem: string, chainPem: string, keyPem: string): NodeIdentity {
    try {
      return new NodeIdentity({ rootPem, chainPem, privateKey: createPrivateKey(keyPem) });
    } catch {
      // The cause might quote the key.
      throw new JoinError('BAD_IDENTITY', 'its certificate, key and root CA do not belong together');
    }
  }

  /**
   * The same identity with another root CA.
   * @throws JoinError `BAD_ANSWER` if its certificate isn't issued by it
   */
  withRoot(rootPem: string): NodeIdentity {
    return new NodeIdentity({ rootPem, chainPem: this.chainPem, privateKey: this.#privateKey });
  }

  /**
   * Passes the key in PEM to a function.
   * @returns its result
   */
  useKey<T>(consumer: (keyPem: string) => T): T {
    return consumer(this.#privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
  }

  /** Its JSON form, without the key. */
  toJSON(): { nodeId: string; clusterId: string; key: string } {
    return { nodeId: this.nodeId, clusterId: this.clusterId, key: HIDDEN };
  }
}

function issuerOf(certificate: X509Certificate, among: readonly X509Certificate[]): X509Certificate | undefined {
  return among.find((candidate) => candidate.ca && certificate.verify(candidate.publicKey));
}

/** Whether a chain leads to a root. */
function isRooted(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): boolean {
  let last = leaf;
  for (let depth = 0; depth <= intermediates.length; depth++) {
    if (issuerOf(last, roots) !== undefined) return true;
    const next = issuerOf(last, intermediates);
    if (next === undefined) return false;
    last = next;
  }
  return false;
}
