import { aliases, startText } from '../../../derived/nodes.js';
import { countOf, countsOf, objectAt } from '../../../derived/status-document.js';
import { counted, exhibit } from '../../../derived/wording.js';
import type { Evidence } from '../../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';
import { nodeStatuses } from './status-input.js';

/** What a reason means, and what to do about it. */
interface Reason {
  readonly severity: Severity;
  readonly text: string;
  readonly advice: string;
}

/** Reasons that show that something is wrong: others are part of normal work, such as ARP that was answered. */
const REASONS: Readonly<Record<string, Reason>> = {
  CLEAR_OF_ENCRYPTED: {
    severity: Severity.Error,
    text: 'unencrypted packets of encrypted networks',
    advice: 'A node sends them unencrypted: look at its SAs and policies. Windows nodes cannot encrypt.',
  },
  XfrmInNoStates: {
    severity: Severity.Error,
    text: 'ESP for which it has no SA',
    advice: 'Compare the SPIs with those of the senders: a rotation was missed, or the ring is another one.',
  },
  XfrmInStateProtoError_Icv: {
    severity: Severity.Error,
    text: 'ESP with a wrong ICV',
    advice: 'The sender has another key for the same SPI, or packets are changed on the way.',
  },
  XfrmInStateMismatch_Source: {
    severity: Severity.Error,
    text: "ESP from another address than its SA's",
    advice: 'A node sends from an address that it does not advertise: NAT, or several interfaces.',
  },
  XfrmOutNoStates: {
    severity: Severity.Error,
    text: 'packets of encrypted networks that it has no SA to send with',
    advice: 'The key ring is missing or empty: check keys and keyRing in the config, or the connection to the manager.',
  },
  XfrmOutStateSeqError: {
    severity: Severity.Error,
    text: 'packets for an SA without sequence numbers left',
    advice: 'Rotate the keys.',
  },
  VXLAN_UNKNOWN_VTEP: {
    severity: Severity.Error,
    text: 'VXLAN from unknown VTEPs',
    advice:
      'Enter the address as that of a node, or find out why a node sends from another address than it advertises.',
  },
  VXLAN_ENTRY_EXISTS: {
    severity: Severity.Error,
    text: 'frames that come from another VTEP than the tables say',
    advice: 'A node sends from an address that it does not advertise, or an endpoint moved and its entry is stale.',
  },
  VXLAN_VNI_NOT_FOUND: {
    severity: Severity.Warning,
    text: 'VXLAN of VNIs that it has no network for',
    advice: 'A node believes that an endpoint is here: compare the networks and their VNIs on both nodes.',
  },
  VXLAN_RESERVED_BITS: {
    severity: Severity.Warning,
    text: 'VXLAN with reserved bits set',
    advice: 'The sender uses an extension such as GBP: switch it off there.',
  },
  NO_LOCAL_ENDPOINT: {
    severity: Severity.Warning,
    text: 'frames for endpoints that are not here',
    advice: 'Other nodes have stale forwarding entries: compare their FDB with the endpoints here.',
  },
  UDP_CSUM: {
    severity: Severity.Error,
    text: 'packets whose outer UDP checksum is wrong',
    advice: 'NAT between the nodes that does not correct checksums inside ESP, or a faulty offload at the sender.',
  },
  FRAG_REASM_TIMEOUT: {
    severity: Severity.Warning,
    text: 'fragments whose packet was never complete',
    advice: 'Fragments are lost on the way: set com.docker.network.driver.mtu so that nothing is fragmented.',
  },
  NOMEM: {
    severity: Severity.Warning,
    text: 'packets for which there was no memory',
    advice: 'More arrives than the node can process: give it more workers, or larger arenas.',
  },
  CPU_BACKLOG: {
    severity: Severity.Warning,
    text: 'frames that another worker had no room for',
    advice: 'One worker is overloaded: see whether a single tunnel carries most of the traffic.',
  },
  FOREIGN_SOURCE: {
    severity: Severity.Warning,
    text: 'frames of containers that use MACs other than their own',
    advice: 'A container bridges or spoofs addresses: give the endpoint its real MAC.',
  },
  PKT_TOO_BIG: {
    severity: Severity.Note,
    text: 'packets larger than the MTU, whose senders were told so',
    advice: 'Senders that ignore it have a firewall that drops ICMP.',
  },
};

/** Fewer packets of a reason than this, or a smaller share of all, come and go in normal work. */
const FEWEST = 10;
const SMALLEST_SHARE = 0.001;

/** A vtep node drops packets for a reason that shows a fault. */
export const vtepDrops: Finding = {
  id: 'vtep-drops',
  title: 'A vtep node drops packets for reasons that show a fault',
  severity: Severity.Error,
  looksAt: 'vtep status --json',
  fires: `a direction has dropped ${FEWEST} packets or more, and one in ${1 / SMALLEST_SHARE} or more, for one of ${Object.keys(REASONS).length} reasons`,
  means: "The name of the reason is the kernel's where it has one. Each is explained in the summary.",
  threads: ['moby/moby#53004', 'moby/moby#26523'],
  explains: [],
  find: findDrops,
};

function* findDrops(evidence: Evidence): Generator<Diagnosis> {
  for (const { node, status, place } of nodeStatuses(evidence)) {
    for (const direction of ['ingress', 'egress'] as const) {
      const section = objectAt(status, 'node', direction);
      const total = countOf(section['in']);
      for (const [name, count] of countsOf(section['dropped'])) {
        const reason = Object.hasOwn(REASONS, name) ? REASONS[name] : undefined;
        if (reason === undefined || count < FEWEST || count < total * SMALLEST_SHARE) continue;
        yield {
          severity: reason.severity,
          certainty: Certainty.Certain,
          summary: `${startText(node)} dropped ${reason.text}: ${counted(count, 'packet')} of ${total.toLocaleString('en-US')}.`,
          subject: { nodes: aliases(node) },
          exhibits: [exhibit(`${direction}, ${name}: ${count.toLocaleString('en-US')}`, [{ place }])],
          advice: [reason.advice],
          commands: ['vtep status'],
        };
      }
    }
  }
}
