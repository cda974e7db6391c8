/** Everything that doctor knows: what was read of each node, and which inputs it comes from. */
import type { GossipReport } from '../../inspect/index.js';
import type { CaptureEvidence } from './capture.js';
import type { EngineView, LogLine, NetworkView, ServiceView } from './docker.js';
import type { FirewallRule, IpvsTimeouts, TrackedConnection, VirtualServer } from './firewall.js';
import type { FdbRow, Link, NeighbourRow, OffloadFeature, XfrmCounter, XfrmPolicy, XfrmSa } from './kernel.js';
import type { StoreStream } from './store.js';

/** Kinds of inputs, by the command that prints them. */
export const InputKind = {
  Capture: 'capture',
  XfrmState: 'ip xfrm state',
  XfrmPolicy: 'ip xfrm policy',
  XfrmStat: '/proc/net/xfrm_stat',
  Fdb: 'bridge fdb',
  Neighbours: 'ip neigh',
  Link: 'ip link',
  Offloads: 'ethtool -k',
  Firewall: 'iptables-save or nft list ruleset',
  Conntrack: 'conntrack -L',
  Ipvs: 'ipvsadm -Ln',
  Networks: 'docker network inspect',
  Services: 'docker service inspect',
  Engine: 'docker info',
  Log: 'log of dockerd or the kernel',
  Config: 'config of vtep',
  Status: 'vtep status --json',
  JetStream: '/jsz of a NATS server',
  Keys: 'keys',
  Unknown: 'unknown',
} as const;
export type InputKind = (typeof InputKind)[keyof typeof InputKind];

/** What became of an input. */
export interface InputSummary {
  readonly file: string;
  /** Node that it comes from; empty if unknown. */
  readonly node: string;
  /** What was found in it: several kinds for the output of the collecting script. */
  readonly kinds: readonly InputKind[];
  /** What could not be used, and why. */
  readonly warnings: readonly string[];
  /** Time at which it was made, in seconds since 1970, if it says so. */
  readonly seconds: number | undefined;
  /** The file that it continues, if it is one of the files of a rotated capture and not the first; both are one capture. */
  readonly continues?: string;
}

/** What was read of one node. */
export interface NodeEvidence {
  /** Name that the user or the collecting script gave; empty for inputs whose node is unknown. */
  readonly name: string;
  /** Addresses on the underlay, as far as known: from its config, its engine, its SAs or its links. */
  readonly addresses: readonly string[];
  readonly captures: readonly CaptureEvidence[];
  readonly sas: readonly XfrmSa[];
  /** Whether an `ip xfrm state` was given, with or without SAs; the same below. */
  readonly has: ReadonlySet<InputKind>;
  readonly policies: readonly XfrmPolicy[];
  readonly xfrmCounters: readonly XfrmCounter[];
  readonly links: readonly Link[];
  readonly fdb: readonly FdbRow[];
  readonly neighbours: readonly NeighbourRow[];
  readonly offloads: readonly OffloadFeature[];
  readonly rules: readonly FirewallRule[];
  readonly connections: readonly TrackedConnection[];
  readonly virtualServers: readonly VirtualServer[];
  /** Of each namespace that was asked. */
  readonly ipvsTimeouts?: readonly IpvsTimeouts[];
  readonly networks: readonly NetworkView[];
  readonly services: readonly ServiceView[];
  readonly engines: readonly EngineView[];
  readonly log: readonly LogLine[];
  /** What its NATS server keeps for vtep. */
  readonly streams?: readonly StoreStream[];
  /** `vtep status --json`, as printed; undefined without. */
  readonly status: Readonly<Record<string, unknown>> | undefined;
}

/** Everything. */
export interface Evidence {
  readonly nodes: readonly NodeEvidence[];
  readonly inputs: readonly InputSummary[];
  /** The swarm's gossip in all captures, with its keys; null without. */
  readonly gossip: GossipReport | null;
}
