/** Two endpoints have the same address. */
import { capturesOf, type EndpointHome, networkText, nodeText, perSubject, shown } from '../../capture/index.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { concurrent, endpointPlaces, isRoundTrip, macPlaces, routers } from './endpoint-places.js';
import { hasDirectReturn, vipsOf } from './virtual-addresses.js';

function exhibits(capture: CaptureEvidence, homes: readonly EndpointHome[]): Diagnosis['exhibits'] {
  return homes.map((home) =>
    shown(capture, home, `${home.address} sends as ${home.mac} from ${home.vtep}, from the packets shown on`),
  );
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  const vips = vipsOf(evidence);
  for (const { capture } of capturesOf(evidence)) {
    const isRouter = routers(capture.homes);
    for (const group of endpointPlaces(capture.homes)) {
      const [{ vni, address }] = group;
      // Every backend of a service answers as its virtual IP there.
      if (hasDirectReturn(evidence, vni) && (vips.size === 0 || vips.has(address))) continue;
      const found = concurrent(group, (a, b) => a.mac !== b.mac && !isRouter(a) && !isRouter(b) && !isRoundTrip(a, b));
      if (found === undefined) continue;
      const [one, two] = found;
      yield {
        severity: Severity.Error,
        certainty: Certainty.Certain,
        summary: `Two endpoints have the address ${one.address} in ${networkText(evidence, one.vni)}: ${one.mac} on ${nodeText(evidence, one.vtep)} and ${two.mac} on ${nodeText(evidence, two.vtep)}.`,
        subject: { vni: one.vni, endpoints: [one.address], nodes: [...new Set([one.vtep, two.vtep])] },
        exhibits: exhibits(capture, [one, two]),
        advice: [
          'Find both containers, and recreate the one that should not have the address. If it is also the address of a service, recreate the service.',
          'Docker hands addresses out twice after a restore of the managers from an old backup, or when containers bring addresses of their own (ip addr add, keepalived).',
        ],
        commands: ['docker network inspect --verbose NETWORK'],
        collect: ['docker network inspect --verbose NETWORK', 'docker service inspect $(docker service ls -q)'],
      };
    }
    for (const group of macPlaces(capture.homes)) {
      const found = concurrent(
        group,
        (a, b) => a.vtep !== b.vtep && !isRouter(a) && !isRouter(b) && !isRoundTrip(a, b),
      );
      if (found === undefined) continue;
      const [one, two] = found;
      yield {
        severity: Severity.Error,
        certainty: Certainty.Certain,
        summary: `The MAC address ${one.mac} of ${networkText(evidence, one.vni)} is on ${nodeText(evidence, one.vtep)} and on ${nodeText(evidence, two.vtep)} at the same time.`,
        subject: { vni: one.vni, endpoints: [...new Set([one.address, two.address])], nodes: [one.vtep, two.vtep] },
        exhibits: exhibits(capture, [one, two]),
        advice: [
          `Frames to it reach only one of them. Docker makes MAC addresses of IP addresses (02:42 and its bytes): look for two containers with ${one.address}, or with a fixed MAC address.`,
        ],
        commands: ['docker network inspect --verbose NETWORK', 'bridge fdb show'],
        collect: ['docker network inspect --verbose NETWORK'],
      };
    }
  }
}

export const duplicateAddress: Finding = {
  id: 'duplicate-address',
  title: 'Two endpoints have the same address',
  severity: Severity.Error,
  looksAt: 'captures: inner source addresses with their MAC addresses and VTEPs over time',
  fires:
    'an IP address is sent from with two MAC addresses, or a MAC address from two VTEPs, alternately; not if a gateway forwards it, nor for a virtual IP of a network with the option dsr',
  means: 'Each sender reaches one of the two by chance, and connections break when it changes.',
  threads: ['moby/moby#33795', 'moby/moby#32738', 'moby/moby#35675', 'moby/libnetwork#1537'],
  explains: ['endpoint-moved', 'one-sided-traffic', 'retransmission-storm', 'outer-source-not-vtep'],
  find: perSubject(find),
};
