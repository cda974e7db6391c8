import { describe, it } from 'node:test';
import type { Finding } from '../../../../src/doctor/finding.js';
import { conntrackTableFull } from '../../../../src/doctor/findings/engine/log/conntrack-table-full.js';
import { encryptionMatchMissing } from '../../../../src/doctor/findings/engine/log/encryption-match-missing.js';
import { gossipKeysLogged } from '../../../../src/doctor/findings/engine/log/gossip-keys-logged.js';
import { kernelRefusesSas } from '../../../../src/doctor/findings/engine/log/kernel-refuses-sas.js';
import { neighbourTableFull } from '../../../../src/doctor/findings/engine/log/neighbour-table-full.js';
import { peerEntryRefused } from '../../../../src/doctor/findings/engine/log/peer-entry-refused.js';
import { vxlanDeviceExists } from '../../../../src/doctor/findings/engine/log/vxlan-device-exists.js';
import { isSilent, raises } from '../../assert-finding.js';
import { at, evidence, node } from '../../swarm-evidence.js';

/** Lines of public threads, and which finding they lead to. */
const LINES: readonly (readonly [text: string, finding: Finding])[] = [
  ['level=warning msg="Failed to add rSA{Spi:0x755dee5b}: invalid argument" (moby/moby#43359)', kernelRefusesSas],
  ['dockerd[812]: Adding fSP{{0.0.0.0/0 ...}} failed: invalid argument, xfrm', kernelRefusesSas],
  ['Adding fSA{spi 0x1f279ba7} failed: invalid argument', kernelRefusesSas],
  ['level=warning msg="Failed Adding rSA{Dst: 192.168.90.1, ESN: false}: function not implemented"', kernelRefusesSas],
  ['Warning: Extension u32 revision 0 not supported, missing kernel module?', encryptionMatchMissing],
  ["iptables v1.8.7 (legacy): Couldn't load match `bpf':No such file or directory", encryptionMatchMissing],
  ['msg="error creating vxlan interface: file exists"', vxlanDeviceExists],
  [
    'network sandbox join failed: subnet sandbox join failed for "10.0.1.0/24": error creating vxlan interface: file exists',
    vxlanDeviceExists,
  ],
  [
    'level=warning msg="Peer add operation failed" error="could not add fdb entry nid:wx: file exists"',
    peerEntryRefused,
  ],
  [
    'memberlist: Decrypt packet failed: No installed keys could decrypt the message from=192.168.50.2:7946',
    gossipKeysLogged,
  ],
  ['kernel: neighbour: arp_cache: neighbor table overflow!', neighbourTableFull],
  ['kernel: nf_conntrack: nf_conntrack: table full, dropping packet', conntrackTableFull],
];

/** Lines of healthy nodes. */
const HEALTHY = [
  'level=info msg="initialized VXLAN UDP port to 4789"',
  'level=info msg="Initializing Libnetwork Agent Listen-Addr=0.0.0.0 Local-addr=192.168.50.1 Adv-addr=192.168.50.1 Data-addr= Remote-addr= MTU=1500"',
  'level=info msg="Node 5f6fa7f699a8/192.168.50.2, joined gossip cluster"',
  'level=info msg="Loading containers: done."',
  'kernel: Initializing XFRM netlink socket',
  'kernel: NET: Registered PF_KEY protocol family',
  'level=debug msg="List of ipsec keys: 3"',
  'level=info msg="NetworkDB stats node1(abc) - netID:x leaving:false netPeers:2 entries:4 Queue qLen:0 netMsg/s:0"',
  'level=warning msg="deleteServiceInfoFromCluster NetworkDB DeleteEntry failed" error="cannot delete entry"',
  'raft: restarted transfer of failed heartbeat',
];

const ALL = [...new Set(LINES.map(([, finding]) => finding))];
const log = (...texts: readonly string[]) =>
  evidence([node('node1', { log: texts.map((text, line) => ({ place: at('docker.log', line + 1), text })) })]);

describe('lines of logs', () => {
  for (const [text, finding] of LINES) {
    it(`${finding.id}: ${text.slice(0, 60)}`, () => {
      raises(finding, log(...HEALTHY, text), /^node1 .*\(1 line of its log\)\.$/, 'error');
      for (const other of ALL) if (other !== finding) isSilent(other, log(text));
    });
  }

  it('of healthy nodes lead to nothing', () => {
    for (const finding of ALL) isSilent(finding, log(...HEALTHY));
  });
});
