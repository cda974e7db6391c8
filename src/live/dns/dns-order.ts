/** The messages between the main thread and the DNS thread. */
import { type DnsNetwork, type DnsProfile, type DnsRecord, type DnsServer } from '../../service/index.js';
import { type LiveErrorCode } from '../error.js';
import { type DnsCounters } from './dns-counters.js';

/** An endpoint's namespace that is served: a container. */
export interface DnsEndpoint {
  /** Identifies it in orders, failures and counters. */
  readonly key: string;
  /** Its network namespace: a name of `ip netns`, or a path. @default the namespace of this process */
  readonly netns?: string | undefined;
  /** Ids of its networks, the one with the highest priority first. Unknown ones are searched once they are known. */
  readonly networks: readonly string[];
  /** Servers for other names, in order; only the first three are asked. @default those that the host's resolv.conf has now */
  readonly servers?: readonly DnsServer[] | undefined;
  /** Whether its `resolv.conf` sets ndots: unknown names of one label are then not forwarded. @default false */
  readonly ndotsSet?: boolean | undefined;
  /** Names by which only this endpoint knows others (`--link`), with the names that they are aliases of. */
  readonly links?: ReadonlyMap<string, string> | undefined;
  /**
   * Names of its own, with their addresses, for its `/etc/hosts`. Only for a name of `ip netns`.
   * @default no hosts file
   */
  readonly hosts?: ReadonlyMap<string, string> | undefined;
}

/** How the thread serves. */
export interface DnsThreadOptions {
  readonly profile: DnsProfile;
  readonly exactVips: boolean;
  /** IPv4 address of the sockets. */
  readonly address: string;
  readonly port: number;
  readonly resolvConf: string;
  readonly netnsFolder: string;
}

/** A change; changes are made in order. */
export type DnsOrder =
  | { readonly kind: 'network'; readonly network: DnsNetwork }
  | { readonly kind: 'remove-network'; readonly id: string }
  | { readonly kind: 'record'; readonly record: DnsRecord }
  | { readonly kind: 'remove-record'; readonly network: string; readonly endpoint: string }
  | { readonly kind: 'endpoint'; readonly endpoint: DnsEndpoint }
  | { readonly kind: 'remove-endpoint'; readonly key: string }
  /** A report is wanted, after the changes before. */
  | { readonly kind: 'report'; readonly id: number }
  | { readonly kind: 'end' };

/** Why an endpoint isn't served. */
export interface DnsFailure {
  /** The endpoint's key. */
  readonly key: string;
  readonly code: LiveErrorCode;
  readonly message: string;
}

/** What the thread has, and has done. */
export interface DnsReport {
  /** By key of the endpoint. */
  readonly endpoints: ReadonlyMap<string, DnsCounters & { readonly serving: boolean }>;
  /** Records held. */
  readonly records: number;
  /** Records refused: over the limit, on an unknown network, or with invalid addresses. */
  readonly refusedRecords: number;
}

/** A message from the thread. */
export type DnsMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unavailable'; readonly code: LiveErrorCode; readonly message: string }
  | { readonly kind: 'failed'; readonly failure: DnsFailure }
  | { readonly kind: 'serving'; readonly key: string }
  | { readonly kind: 'report'; readonly id: number; readonly report: DnsReport };
