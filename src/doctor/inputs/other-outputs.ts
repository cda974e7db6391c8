/** Outputs of commands that doctor doesn't read, and what to give instead. */
import { plainText } from '../../text/pasted-text.js';

/** Number of leading characters that are checked. */
const MAX_CHECKED = 1 << 14;
const TABLES = 'bridge fdb and ip neigh';
const NETWORKS = 'docker network inspect --verbose';
const CAPTURE = 'the capture itself, as tcpdump -w writes it';
const ADDRESSES = 'ip -d addr';
const RULES = 'iptables-save -c or nft list ruleset';

/** The first match counts. */
const OTHERS: readonly (readonly [what: string, pattern: RegExp, instead: string])[] = [
  ['output of docker node ls', /^ *ID +HOSTNAME +STATUS +AVAILABILITY/m, 'docker info of each node'],
  [
    'output of docker node inspect',
    /^ID:\s+\S{1,64}\n(?: ?\S[^\n]{0,200}\n){0,20}Hostname:\s/m,
    'docker info of each node',
  ],
  ['output of docker service ls', /^ *ID +NAME +MODE +REPLICAS/m, 'docker service inspect'],
  ['output of docker service ps or docker stack ps', /^ *ID +NAME +IMAGE +NODE +DESIRED STATE/m, NETWORKS],
  ['output of docker ps', /^ *CONTAINER ID +IMAGE +COMMAND/m, NETWORKS],
  ['output of docker network ls', /^ *NETWORK ID +NAME +DRIVER/m, NETWORKS],
  [
    'output of docker events',
    /^\S{20,35} (?:container|network|service|node|image|volume) [a-z_: ]{2,60} \S{12,64} \(/m,
    NETWORKS,
  ],
  ['output of brctl showmacs', /^\s*port no\s+mac addr\s+is local/m, 'bridge fdb, which has the VTEPs, too'],
  ['output of brctl show', /^\s*bridge name\s+bridge id/m, 'ip -d link'],
  ['output of arp', /^Address +HWtype|^\S{1,80} \(\d+\.\d+\.\d+\.\d+\) at [0-9a-f:]{17} /m, 'ip neigh'],
  ['output of ifconfig', /^\S{1,40}:? +(?:flags=\d+<|Link encap:)/m, ADDRESSES],
  [
    'output of ip route or route',
    /^(?:default via |(?:\d+\.){3}\d+(?:\/\d+)? (?:dev|via) |Kernel IP routing table)/m,
    ADDRESSES,
  ],
  ['output of ip rule', /^\d{1,6}:\s+from \S{1,60} lookup /m, ADDRESSES],
  [
    'output of ip xfrm monitor',
    /^(?:Updated|Deleted|Flushed|Async event|Expired|acquire) (?:src|state|policy|\(|proto)/m,
    'ip -s xfrm state',
  ],
  [
    'output of ss or netstat',
    /^(?:Netid +State|State +Recv-Q|Proto +Recv-Q|Active Internet connections)/m,
    'conntrack -L',
  ],
  [
    'output of ethtool',
    /^(?:driver: \S|NIC statistics:|Settings for \S{1,40}:|Ring parameters for|Channel parameters for)/m,
    'ethtool -k DEVICE',
  ],
  [
    'output of sysctl',
    /^(?:net|kernel|vm|fs)\.[a-z0-9_.-]{2,100} ?= ?\S/m,
    'docker info, which warns of wrong settings',
  ],
  ['output of ufw status', /^Status: (?:in)?active\n/m, RULES],
  ['output of firewall-cmd', /^ {2}(?:target|icmp-block-inversion): \S{1,40}\n/m, RULES],
  ['output of wg show', /^interface: \S{1,20}\n {2}public key: /m, ADDRESSES],
  [
    'status of an IKE daemon',
    /^(?:Status of IKE charon daemon|Security Associations \(\d)/m,
    'ip -s xfrm state and ip xfrm policy',
  ],
  ['output of lsmod', /^Module +Size +Used by/m, 'the log of the engine'],
  ['output of ping or traceroute', /^(?:PING|traceroute to) \S{1,100} \(/m, CAPTURE],
  [
    "tcpdump's text",
    /^\s*(?:\d{4}-\d\d-\d\d )?(?:\d\d:\d\d:\d\d\.\d+ )?(?:IP6?|ARP) (?:\S{1,80} > |Request |Reply )/m,
    CAPTURE,
  ],
  ['a compose file', /^services:\s*\n[^\n]{1,200}\n/m, `${NETWORKS} and docker service inspect`],
  ['output of bridge vlan', /^port +vlan-id/m, TABLES],
];

/** What an output is and what to give instead. */
export interface OtherOutput {
  readonly what: string;
  readonly instead: string;
}

/** Recognises an output that has no parser; undefined if it isn't one of them. */
export function otherOutputOf(text: string): OtherOutput | undefined {
  const start = plainText(text.slice(0, MAX_CHECKED));
  const found = OTHERS.find(([, pattern]) => pattern.test(start));
  return found && { what: found[0], instead: found[2] };
}
