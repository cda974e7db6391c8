import { aliases, nodesWith, nodeText, ownAddresses } from '../../derived/nodes.js';
import { underlayOf } from '../../derived/underlay.js';
import { counted, exhibit, listed, shellWord } from '../../derived/wording.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../evidence/evidence.js';
import type { OffloadFeature } from '../../evidence/kernel.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const FEATURE = 'tx-checksum-ip-generic';
const INNER_DEVICE = /^(lo|veth.*|vxlan\d*|vx-.*|br.*|docker.*)$/;
/** Fewer wrong ones than this, or a smaller share, are packets that were damaged on the way. */
const ENOUGH = 3;
const SYSTEMATIC = 0.5;
const KINDS: ReadonlySet<string> = new Set(['inner TCP', 'inner UDP']);

/** A sender's network card is to write inner checksums, and they arrive wrong. */
export const checksumOffloadOn: Finding = {
  id: 'checksum-offload-on',
  title: 'A network card writes wrong checksums into tunnelled packets',
  severity: Severity.Error,
  looksAt: "ethtool -k of the sender's network card, a capture at the receiver",
  fires: `${FEATURE} is on at a node, and a capture of another node holds packets from it of which half or more, and at least ${ENOUGH}, have wrong inner TCP or UDP checksums`,
  means:
    "Some network cards (VMware's vmxnet3 among them) write the inner checksum of VXLAN wrongly. Pings work, and TCP and UDP don't: the receiver drops their packets.",
  threads: [
    'moby/moby#41775',
    'projectcalico/calico#4727',
    'projectcalico/calico#9433',
    'swarmpit/swarmpit#688',
    'coreos/fedora-coreos-tracker#1372',
    'vmware/photon#1321',
  ],
  explains: ['checksum-broken-by-offload', 'retransmission-storm', 'one-sided-traffic', 'dns-timeouts'],
  find: findOffloads,
};

function* findOffloads(evidence: Evidence): Generator<Diagnosis> {
  for (const sender of nodesWith(evidence, InputKind.Offloads)) {
    const underlay = underlayOf(sender);
    const on = sender.offloads.filter(
      ({ name, on: isOn, device }) =>
        name === FEATURE &&
        isOn &&
        (device === '' || (underlay?.isCertain === true ? device === underlay.link.name : !INNER_DEVICE.test(device))),
    );
    const own = ownAddresses(sender);
    if (on.length === 0 || own.size === 0) continue;
    for (const receiver of nodesWith(evidence, InputKind.Capture)) {
      if (receiver === sender) continue;
      for (const capture of receiver.captures) {
        const diagnosis = diagnose(sender, own, on, receiver, capture);
        if (diagnosis !== undefined) yield diagnosis;
      }
    }
  }
}

function diagnose(
  sender: NodeEvidence,
  own: ReadonlySet<string>,
  on: readonly OffloadFeature[],
  receiver: NodeEvidence,
  { file, wrongChecksums }: CaptureEvidence,
): Diagnosis | undefined {
  const bad = wrongChecksums.filter(
    ({ kind, source, count, of }) => KINDS.has(kind) && own.has(source) && count >= ENOUGH && count >= SYSTEMATIC * of,
  );
  if (bad.length === 0) return undefined;
  const total = bad.reduce((sum, { count }) => sum + count, 0);
  const device = on.find((feature) => feature.device !== '')?.device ?? 'DEVICE';
  return {
    severity: Severity.Error,
    certainty: Certainty.Likely,
    summary: `${counted(total, 'packet')} from ${nodeText(sender)} arrived at ${nodeText(receiver)} with wrong inner checksums, and ${FEATURE} is on at ${nodeText(sender)}.`,
    subject: { nodes: aliases(sender, receiver) },
    exhibits: [
      exhibit(
        listed(bad.map(({ kind, count, of }) => `${kind}: ${count} wrong of ${of}`)),
        bad.flatMap(({ packets }) => packets.map((packet) => ({ place: { file, packet } }))),
      ),
      exhibit(`${FEATURE}: on`, on),
    ],
    advice: [
      `Switch the offload off at ${nodeText(sender)}, and make that permanent in its network configuration.`,
      'Or use another data path port than 4789 and 8472: some cards treat these ports alone.',
      'If the addresses of the nodes are translated on the way, that is the cause instead.',
    ],
    commands: [`ethtool -K ${shellWord(device)} ${FEATURE} off`],
    collect: [`ethtool -i ${shellWord(device)}   # on the sender: is the driver vmxnet3?`],
  };
}
