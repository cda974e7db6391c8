/** Certificates made on the spot, by openssl. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './command.js';

/** Files of a server's key and certificate. */
export interface ServerCertificate {
  readonly key: string;
  readonly certificate: string;
}

/** An authority of its own, whose certificates last a day. */
export class OwnCertificates {
  /** File of the authority's certificate, for `curl --cacert`. */
  readonly authority: string;
  readonly #folder: string;

  /** @param folder where the files go */
  constructor(folder: string) {
    this.#folder = folder;
    this.authority = this.#file('ca.pem');
    const subject = ['-subj', '/CN=authority of a test', '-days', '1', '-keyout', this.#file('ca.key')];
    command(['openssl', 'req', '-x509', ...this.#newKey(), ...subject, '-out', this.authority]);
  }

  /** A certificate for a host name. */
  issue(host: string): ServerCertificate {
    const [key, request, certificate, extensions] = ['key', 'csr', 'pem', 'ext'].map((end) =>
      this.#file(`${host}.${end}`),
    );
    command(['openssl', 'req', ...this.#newKey(), '-subj', `/CN=${host}`, '-keyout', key, '-out', request]);
    writeFileSync(extensions, `subjectAltName=DNS:${host}\n`);
    const authority = ['-CA', this.authority, '-CAkey', this.#file('ca.key'), '-CAcreateserial'];
    const words = ['openssl', 'x509', '-req', '-in', request, ...authority, '-days', '1', '-extfile', extensions];
    command([...words, '-out', certificate]);
    return { key, certificate };
  }

  #newKey(): string[] {
    return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }
}
