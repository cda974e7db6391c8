/** Addresses and MACs of this node's endpoints on a network, which no other node can have. */
import { inQuotes } from '../../text/plain-text.js';
import { EndpointKind, type EndpointRecord } from '../../overlay/index.js';

/** What this node has on a network. */
export class OwnClaims {
  readonly #endpoints = new Map<string, EndpointRecord>();
  /** Keys of its endpoints by what they have. */
  readonly #keys = new Map<string, string>();

  /** By key. */
  get endpoints(): ReadonlyMap<string, EndpointRecord> {
    return this.#endpoints;
  }

  /** Adds an endpoint, or replaces the one with its key. */
  set(key: string, endpoint: EndpointRecord): void {
    this.delete(key);
    this.#endpoints.set(key, endpoint);
    for (const claim of claimsOf(endpoint.ip, endpoint.mac)) if (!this.#keys.has(claim)) this.#keys.set(claim, key);
  }

  /** @returns whether there was one */
  delete(key: string): boolean {
    const endpoint = this.#endpoints.get(key);
    if (endpoint === undefined) return false;
    this.#endpoints.delete(key);
    for (const claim of claimsOf(endpoint.ip, endpoint.mac))
      if (this.#keys.get(claim) === key) this.#keys.delete(claim);
    return true;
  }

  /** The own endpoint that has one of these, if any. */
  holderOf(ip: Uint8Array, mac: Uint8Array | undefined): EndpointRecord | undefined {
    for (const claim of claimsOf(ip, mac)) {
      const key = this.#keys.get(claim);
      if (key !== undefined) return this.#endpoints.get(key);
    }
    return undefined;
  }
}

/** What an endpoint is called in messages. */
export function describeOwn({ kind, name }: EndpointRecord): string {
  return kind === EndpointKind.Balancer ? "this node's load balancer" : `this node's endpoint ${inQuotes(name)}`;
}

function claimsOf(ip: Uint8Array | undefined, mac: Uint8Array | undefined): string[] {
  const claims = ip === undefined ? [] : [`ip ${ip.join('.')}`];
  return mac === undefined ? claims : [...claims, `mac ${mac.join('.')}`];
}
