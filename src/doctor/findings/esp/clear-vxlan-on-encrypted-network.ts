/** An encrypted network's frames in clear. */
import {
  capturesOf,
  counted,
  networkText,
  type NodeCapture,
  nodeText,
  perSubject,
  shown,
  type TunnelFrames,
} from '../../capture/index.js';
import { MINUTE_COMMAND } from '../../derived/capture-command.js';
import { isOfOtherCluster } from '../../derived/networks.js';
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

/** Frames of a network in ESP. */
interface Sealed {
  readonly capture: CaptureEvidence;
  readonly row: TunnelFrames;
}

/** Whether frames are of one cluster: two swarms have the same VNIs, and no node in common. */
function haveCommonVtep(one: TunnelFrames, other: TunnelFrames): boolean {
  return [one.source, one.destination].some((vtep) => vtep === other.source || vtep === other.destination);
}

/**
 * Whether the receiver may have decrypted the frames before they were captured there: with ESP offload, Linux shows what arrives in
 * clear and what leaves in ESP. A capture of the sender, or one that has ESP to the receiver, rules it out.
 */
function mayBeDecrypted(evidence: Evidence, { node, capture }: NodeCapture, row: TunnelFrames): boolean {
  const own = evidence.nodes.find(({ name }) => name !== '' && name === node);
  if (own?.addresses.includes(row.source) === true) return false;
  const sends = capture.traffic.some(({ source, esp }) => source === row.destination && esp.count > 0);
  const gets = capture.traffic.some(({ destination, esp }) => destination === row.destination && esp.count > 0);
  return sends && !gets;
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  const sealed = new Map<number, Sealed[]>();
  for (const { capture } of capturesOf(evidence)) {
    for (const row of capture.frames) {
      if (!row.encrypted) continue;
      const of = sealed.get(row.vni);
      if (of === undefined) sealed.set(row.vni, [{ capture, row }]);
      else of.push({ capture, row });
    }
  }
  for (const taken of capturesOf(evidence)) {
    const { capture } = taken;
    for (const row of capture.frames) {
      if (row.encrypted) continue;
      const isForeign = isOfOtherCluster(evidence, row.vni, row.source, row.destination);
      const places = isForeign ? [] : inspected(evidence, row.vni);
      const other = sealed.get(row.vni)?.find((each) => haveCommonVtep(each.row, row));
      if (places.length === 0 && other === undefined) continue;
      const [from, to] = [nodeText(evidence, row.source), nodeText(evidence, row.destination)];
      const isUnsure = mayBeDecrypted(evidence, taken, row);
      const network = networkText(evidence, row.vni);
      yield {
        severity: isUnsure ? Severity.Warning : Severity.Error,
        certainty: isUnsure ? Certainty.Possible : Certainty.Certain,
        summary: isUnsure
          ? `Frames of the encrypted ${network} from ${from} to ${to} are in clear in the capture: ${from} sends them so, or ${to} decrypted them before they were captured.`
          : `${from} sends frames of the encrypted ${network} to ${to} in clear: they can be read on the way, and the receiver drops them.`,
        subject: { nodes: [row.source, row.destination], vni: row.vni },
        exhibits: [
          shown(capture, row, `${counted(row.count, 'frame')} in clear from ${row.source}`),
          ...(places.length > 0 ? [{ text: 'the network is encrypted', places: places.slice(0, 5) }] : []),
          ...(other === undefined
            ? []
            : [shown(other.capture, other.row, `${counted(other.row.count, 'frame')} of the same network in ESP`)]),
        ],
        advice: [
          ...(isUnsure
            ? [
                `Capture on ${from}, too: if the frames leave it in ESP, nothing is wrong (${to} decrypts them by ESP offload before tcpdump sees them).`,
              ]
            : []),
          `${from} has no policy that sends the frames through IPsec, or no rule that marks them: look at its ip xfrm policy and at the mangle table.`,
          'Restart the task there, so that its engine sets the network up again; if it happens again, restart the engine, which restarts the containers of the node.',
          'With a data path port other than 4789, an engine without moby/moby#45636 sends in clear.',
        ],
        commands: [`ip xfrm policy   # on ${from}`, `iptables -t mangle -S OUTPUT   # on ${from}`],
        collect: [
          ...(isUnsure ? [`${MINUTE_COMMAND}   # on ${from}`] : []),
          'ip xfrm policy',
          'ip xfrm state',
          'iptables-save',
          'docker info',
        ],
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
    'a frame in clear belongs to a network that has frames in ESP, or that docker network inspect shows as encrypted; a warning if all that the receiver gets in the capture is in clear and what it sends is not, since ESP offload may have decrypted it',
  means:
    'The receiver has a rule that drops frames of the network that were not decrypted, so nothing arrives, and what was to be secret was not.',
  threads: ['moby/moby#30766', 'moby/moby#45635', 'moby/moby#31081'],
  explains: ['one-sided-traffic', 'one-sided-esp', 'retransmission-storm', 'dns-timeouts'],
  find: perSubject(find),
};
