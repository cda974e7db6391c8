/** What a node's netfilter and IPVS say. */
import type { Placed } from './place.js';

/** A rule of `iptables-save`, `iptables -L -v -n` or `nft list ruleset`, as far as doctor understands it. */
export interface FirewallRule extends Placed {
  readonly family: 'ipv4' | 'ipv6' | 'inet' | 'other';
  readonly table: string;
  /** Of iptables-legacy, whose tables the kernel has beside those of nftables; undefined for others. */
  readonly backend?: 'legacy';
  readonly chain: string;
  /** Hook of the chain, in lower case: `input`, `output`, `forward`...; empty for chains without. */
  readonly hook: string;
  /** IP protocol by name (`udp`, `tcp`, `esp`); empty for any. */
  readonly protocol: string;
  /** Empty for any. Of a range of more than 1024 ports, only its ends and the ports that Swarm uses. */
  readonly destinationPorts: readonly number[];
  readonly sourcePorts: readonly number[];
  /** Prefixes; empty for any. */
  readonly source: string;
  readonly destination: string;
  readonly inDevice: string;
  readonly outDevice: string;
  /** `accept`, `drop`, `reject`, `masquerade`, `mark`, `jump NAME`... in lower case. */
  readonly verdict: string;
  /** Conditions that aren't among the fields above, as printed: u32, ipsec policy, connection state... */
  readonly conditions: readonly string[];
  /** VNIs that it matches, of the rules that Docker makes for encrypted networks; undefined if it matches none. */
  readonly vnis?: readonly number[];
  /** Whether it is a chain's policy. */
  readonly isPolicy: boolean;
  /** Packets counted; -1 if not shown. */
  readonly packets: number;
  /** The rule as printed, without control characters. */
  readonly text: string;
}

/** An entry of `conntrack -L` or /proc/net/nf_conntrack. */
export interface TrackedConnection extends Placed {
  readonly protocol: string;
  /** `ESTABLISHED`...; empty for protocols without states. */
  readonly state: string;
  /** Seconds until it ends. */
  readonly timeout: number;
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Of the reply direction. */
  readonly replySource: string;
  readonly replyDestination: string;
  readonly replySourcePort: number;
  readonly replyDestinationPort: number;
  readonly unreplied: boolean;
  readonly assured: boolean;
}

/** A virtual server of `ipvsadm -Ln` with its real servers. */
export interface VirtualServer extends Placed {
  /** `FWM`, `TCP`, `UDP`. */
  readonly protocol: string;
  /** Firewall mark; undefined for services with an address. */
  readonly mark: number | undefined;
  readonly address: string;
  readonly port: number;
  readonly servers: readonly (Placed & {
    readonly address: string;
    readonly port: number;
    readonly weight: number;
    /** `Masq`, `Route`... */
    readonly forwarding: string;
    readonly active: number;
    readonly inactive: number;
  })[];
}

/** How long IPVS keeps idle connections, in seconds: `ipvsadm -L --timeout`. */
export interface IpvsTimeouts extends Placed {
  readonly tcp: number;
  readonly tcpFin: number;
  readonly udp: number;
}
