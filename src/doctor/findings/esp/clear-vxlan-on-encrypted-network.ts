/** An encrypted network's frames in clear. */
import {
  capturesOf,
  counted,
  networkText,
  nodeText,
  perSubject,
  shown,
  type TunnelFrames,
} from '../../capture/index.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import type { Place } from '../../evidence/place.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** Where an input says that a network is encrypted. */
function inspected({ nodes }: Evidence, vni: number): Place[] {
  return nodes
    .flatMap(({ networks }) => networks)
    .filter(({ encrypted, vnis }) => encrypted && vnis.includes(vni))
    .map(({ place }) => place);
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  const sealed = new Map<number, { readonly capture: CaptureEvidence; readonly row: TunnelFrames }>();
  for (const { capture } of capturesOf(evidence)) {
    for (const row of capture.frames) if (row.encrypted) sealed.set(row.vni, { capture, row });
  }
  for (const { capture } of capturesOf(evidence)) {
    for (const row of capture.frames) {
      const places = inspected(evidence, row.vni);
      const other = sealed.get(row.vni);
      if (row.encrypted || (places.length === 0 && other === undefined)) continue;
      const [from, to] = [nodeText(evidence, row.source), nodeText(evidence, row.destination)];
      yield {
        severity: Severity.Error,
        certainty: Certainty.Certain,
        summary: `${from} sends frames of the encrypted ${networkText(evidence, row.vni)} to ${to} in clear: they can be read on the way, and the receiver drops them.`,
        subject: { nodes: [row.source, row.destination], vni: row.vni },
        exhibits: [
          shown(capture, row, `${counted(row.count, 'frame')} in clear from ${row.source}`),
          ...(places.length > 0 ? [{ text: 'the network is encrypted', places: places.slice(0, 5) }] : []),
          ...(other === undefined
            ? []
            : [shown(other.capture, other.row, `${counted(other.row.count, 'frame')} of the same network in ESP`)]),
        ],
        advice: [
          `${from} has no policy that sends the frames through IPsec, or no rule that marks them: look at its ip xfrm policy and at the mangle table.`,
          'Restart the task there, so that its engine sets the network up again; if it happens again, restart the engine.',
          'With a data path port other than 4789, an engine without moby/moby#45636 sends in clear.',
        ],
        commands: ['ip xfrm policy', 'iptables -t mangle -S OUTPUT'],
        collect: ['ip xfrm policy', 'ip xfrm state', 'iptables-save', 'docker info'],
      };
    }
  }
}

export const clearVxlanOnEncryptedNetwork: Finding = {
  id: 'clear-vxlan-on-encrypted-network',
  title: 'Frames of an encrypted network are in clear',
  severity: Severity.Error,
  looksAt: 'captures: VXLAN by network, in ESP and in clear; docker network inspect: the option encrypted',
  fires:
    'a frame in clear belongs to a network that has frames in ESP, or that docker network inspect shows as encrypted',
  means:
    'The receiver has a rule that drops frames of the network that were not decrypted, so nothing arrives, and what was to be secret was not.',
  threads: ['moby/moby#30766', 'moby/moby#45635', 'moby/moby#31081'],
  explains: ['one-sided-traffic', 'one-sided-esp', 'retransmission-storm', 'dns-timeouts'],
  find: perSubject(find),
};
