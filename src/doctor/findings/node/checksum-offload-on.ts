import { aliases, nodesWith, nodeText, ownAddresses } from '../../derived/nodes.js';
import { underlayOf } from '../../derived/underlay.js';
import { counted, exhibit, listed, shellWord } from '../../derived/wording.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../evidence/evidence.js';
import type { OffloadFeature } from '../../evidence/kernel.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const FEATURE = 'tx-checksum-ip-generic';
const INNER_DEVICE = /^(lo|veth.*|vxlan\d*|vx-.*|br.*|docker.*)$/;
const KINDS: ReadonlySet<string> = new Set(['inner TCP', 'inner UDP']);

/** A sender's network card is to write inner checksums, and they arrive wrong. */
export const checksumOffloadOn: Finding = {
  id: 'checksum-offload-on',
  title: 'A network card writes wrong checksums into tunnelled packets',
  severity: Severity.Error,
  looksAt: "ethtool -k of the sender's network card, a capture at the receiver",
  fires: `${FEATURE} is on at a node, and a capture of another node holds packets from it whose inner TCP or UDP checksums are wrong`,
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
  { file, survey }: CaptureEvidence,
): Diagnosis | undefined {
  const bad = survey.checksums.filter(({ name, bad: count }) => KINDS.has(name) && count > 0);
  const here = ownAddresses(receiver);
  // What the receiver itself sends has partial checksums at worst, which are counted apart.
  const sources = new Set(
    survey.tunnels.filter(({ frames, source }) => frames > 0 && !here.has(source)).map(({ source }) => source),
  );
  if (bad.length === 0 || ![...sources].some((source) => own.has(source))) return undefined;
  const isOnly = [...sources].every((source) => own.has(source));
  const total = bad.reduce((sum, { bad: count }) => sum + count, 0);
  const device = on.find((feature) => feature.device !== '')?.device ?? 'DEVICE';
  return {
    severity: Severity.Error,
    certainty: isOnly ? Certainty.Likely : Certainty.Possible,
    summary: `${counted(total, 'packet')} from ${isOnly ? nodeText(sender) : listed([...sources])} arrived at ${nodeText(receiver)} with wrong inner checksums, and ${FEATURE} is on at ${nodeText(sender)}.`,
    subject: { nodes: aliases(sender, receiver) },
    exhibits: [
      exhibit(bad.map(({ name, bad: count, good }) => `${name}: ${count} wrong, ${good} right`).join('; '), [
        { place: { file } },
      ]),
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
