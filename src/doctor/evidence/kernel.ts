/** What commands of iproute2 and /proc say about a node's kernel. Addresses are text, as `formatAddress` writes them. */
import type { Placed } from './place.js';

/** An SA of `ip -s xfrm state`, whatever its algorithm. Its key isn't kept. */
export interface XfrmSa extends Placed {
  readonly source: string;
  readonly destination: string;
  /** `esp`, `ah`, `comp`... */
  readonly protocol: string;
  /** 0 for an acquire: the kernel waits for an SA that was never set up. */
  readonly spi: number;
  /** `transport`, `tunnel`...; empty if not shown. */
  readonly mode: string;
  /** The kernel's name of the algorithm: `rfc4106(gcm(aes))`; empty if not shown. */
  readonly algorithm: string;
  /** ICV length in bits; 0 if not shown. */
  readonly icvBits: number;
  /**
   * First 8 hexadecimal digits of the SHA-256 of the key without its salt, to compare keys without showing them;
   * undefined without a key.
   */
  readonly keyId: string | undefined;
  /** Packets of the replay window; 0 is off. */
  readonly replayWindow: number;
  readonly esn: boolean;
  /** The last sequence number sent, and the highest one received; -1 if not shown. */
  readonly sent: number;
  readonly received: number;
  /** `mark` with its mask as printed; empty if it has none. */
  readonly mark: string;
  /** Bytes and packets of `lifetime current`; -1 if not shown. */
  readonly bytes: number;
  readonly packets: number;
  /** When it was added and last used, in the node's own clock and zone (`2026-11-21 01:45:41`); empty if not shown. */
  readonly added: string;
  readonly used: string;
  /** Counters of `stats`: -1 if not shown. */
  readonly replayErrors: number;
  readonly integrityErrors: number;
}

/** A policy of `ip xfrm policy`. */
export interface XfrmPolicy extends Placed {
  /** Selector, as prefixes (`192.168.50.1/32`). */
  readonly source: string;
  readonly destination: string;
  /** `udp`, `tcp`...; empty for any. */
  readonly protocol: string;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
  readonly direction: 'in' | 'out' | 'fwd' | 'other';
  /** `block` drops. */
  readonly action: 'allow' | 'block';
  readonly mark: string;
  /** SPI of the template, 0 for any; undefined without a template. */
  readonly spi: number | undefined;
}

/** A counter of /proc/net/xfrm_stat. Of a file with two outputs, the second one's are `later`. */
export interface XfrmCounter extends Placed {
  /** `XfrmInStateSeqError`... */
  readonly name: string;
  readonly count: number;
  /** Count in a later output of the same node; undefined if there is none. */
  readonly later: number | undefined;
}

/** A device of `ip -d link` or `ip addr`. */
export interface Link extends Placed {
  readonly name: string;
  /** 0 if not shown. */
  readonly mtu: number;
  readonly up: boolean;
  /** `vxlan`, `veth`, `bridge`, `wireguard`...; empty if not shown. */
  readonly kind: string;
  readonly mac: string;
  /** Bridge it belongs to; empty for none. */
  readonly master: string;
  /** Of vxlan devices. */
  readonly vxlan:
    | {
        readonly vni: number;
        /** Destination port in host order; 0 if not shown. */
        readonly port: number;
        readonly local: string;
        readonly device: string;
        readonly learning: boolean | undefined;
        readonly proxy: boolean | undefined;
        readonly l2miss: boolean | undefined;
        readonly l3miss: boolean | undefined;
      }
    | undefined;
  /** Addresses with their prefix lengths, if shown. */
  readonly addresses: readonly string[];
  /** Counters of `-s`; undefined without. */
  readonly counters:
    | { readonly rxErrors: number; readonly rxDropped: number; readonly txErrors: number; readonly txDropped: number }
    | undefined;
}

/** An entry of `bridge fdb`. */
export interface FdbRow extends Placed {
  readonly mac: string;
  readonly device: string;
  /** VTEP; empty for entries of a bridge. */
  readonly destination: string;
  /** As printed, or that of its device, if the inputs show it. */
  readonly vni: number | undefined;
  /** Whether it is an entry of the device itself (`self`), and of the bridge (`master`). */
  readonly self: boolean;
  readonly master: boolean;
  readonly permanent: boolean;
  /** Whether it was learned from a packet: neither permanent, static nor set by a program. */
  readonly learned: boolean;
}

/** An entry of `ip neigh`. */
export interface NeighbourRow extends Placed {
  readonly address: string;
  readonly device: string;
  /** VNI of its device, if the device is a vxlan device of the same namespace that the inputs show. */
  readonly vni?: number;
  /** Empty if there is none. */
  readonly mac: string;
  /** In capitals: `PERMANENT`, `FAILED`... */
  readonly state: string;
}

/** A feature of `ethtool -k DEVICE`. */
export interface OffloadFeature extends Placed {
  /** Device; empty if the output doesn't name one. */
  readonly device: string;
  /** `tx-checksum-ip-generic`... */
  readonly name: string;
  readonly on: boolean;
  readonly fixed: boolean;
}
