import { type AddressSet } from './address-set.js';
import { type DnsClient } from './client.js';
import { RecordType } from './message.js';
import { type NamedNetwork, type NameRecords } from './names.js';
import { DnsProfile } from './profile.js';
import { type Query } from './query.js';

const DOT = 0x2e;

/** Looks up the names of queries among the names that a client may use. */
export class Lookup {
  /** The addresses of the last name found; undefined if it exists but has none of the type asked for. */
  addresses: AddressSet | undefined;
  readonly #isCurrent: boolean;

  constructor(profile: DnsProfile) {
    this.#isCurrent = profile === DnsProfile.Current;
  }

  /**
   * Looks up a query's name: whole on every network, then without its last labels on the network of that name, the
   * longest service name first. The first hit wins; addresses on several networks aren't merged.
   * @returns whether the name exists; `addresses` are those of the type asked for
   */
  find(client: DnsClient, query: Query): boolean {
    this.addresses = undefined;
    const length = query.nameLength - 1;
    if (length === 0) return false;
    const { networks, bySuffix } = client;
    if (client.links.length > 0 && this.#findLink(client, query, length, undefined)) return true;
    const hidden = client.links.length > 0 && isLink(client, query, length);
    for (let i = 0; i < networks.length && !hidden; i++) {
      if (this.#findOn(client, networks[i], query, query.lower, length)) return true;
    }
    for (let i = 0; i < bySuffix.length; i++) {
      const rest = nameBefore(query, bySuffix[i]);
      if (rest === 0) continue;
      if (client.links.length > 0) {
        if (this.#findLink(client, query, rest, bySuffix[i])) return true;
        if (isLink(client, query, rest)) continue;
      }
      if (this.#findOn(client, bySuffix[i], query, query.lower, rest)) return true;
    }
    return false;
  }

  /** Looks up a link's target on one network, or on all. */
  #findLink(client: DnsClient, query: Query, length: number, only: NamedNetwork | undefined): boolean {
    for (const { alias, target } of client.links) {
      if (!startsWith(query.name, length, alias)) continue;
      for (const network of client.networks) {
        if (only !== undefined && network !== only) continue;
        if (this.#findOn(client, network, query, target, target.length)) return true;
      }
    }
    return false;
  }

  #findOn(client: DnsClient, network: NamedNetwork, query: Query, name: Uint8Array, length: number): boolean {
    if (network.removed) return false;
    const records = client.names.find(network, name, length);
    return records !== undefined && this.#choose(records, query.type, network);
  }

  /** Whether a name's records answer a type. A name with addresses of the other family only is known, but empty. */
  #choose(records: NameRecords, type: number, network: NamedNetwork): boolean {
    const { v4, v6 } = records;
    if (type === RecordType.Mx) return v4.count + v6.count > 0;
    const isA = type === RecordType.A;
    const asked = isA ? v4 : v6;
    if (asked.count > 0) {
      this.addresses = asked;
      return true;
    }
    const other = isA ? v6 : v4;
    if (this.#isCurrent) return other.count > 0;
    return !isA && other.count > 0 && !network.ipv6;
  }
}

/** Whether a query's name has one label, and so no dot in its text. */
export function isSingleLabel({ labels, lower, nameLength }: Query): boolean {
  if (labels > 1) return false;
  for (let i = 1; i < nameLength - 1; i++) if (lower[i] === DOT) return false;
  return true;
}

/** Bytes of a query's name before the labels of a network's name; 0 if it doesn't end in them. */
function nameBefore(query: Query, { labels }: NamedNetwork): number {
  if (labels === undefined) return 0;
  const { name } = query;
  const rest = query.nameLength - 1 - labels.length;
  if (rest <= 0) return 0;
  for (let i = 0; i < labels.length; i++) if (name[rest + i] !== labels[i]) return 0;
  // The same bytes may also lie inside a label.
  for (let i = 1; i < query.labels; i++) if (query.labelStarts[i] === rest) return rest;
  return 0;
}

function isLink({ links }: DnsClient, { name }: Query, length: number): boolean {
  for (const { alias } of links) if (startsWith(name, length, alias)) return true;
  return false;
}

/** Whether the first `length` bytes are these labels. */
function startsWith(name: Uint8Array, length: number, labels: Uint8Array): boolean {
  if (labels.length !== length) return false;
  for (let i = 0; i < length; i++) if (name[i] !== labels[i]) return false;
  return true;
}
