/** An endpoint is behind another VTEP than before, and others may not know. */
import {
  capturesOf,
  counted,
  type EndpointHome,
  networkText,
  nodeText,
  perSubject,
  shown,
} from '../../capture/index.js';
import { networkId } from '../../derived/networks.js';
import { inNamespace, listed } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { areConcurrent, endpointPlaces, routers } from './endpoint-places.js';

/** Seconds after which all nodes know of a move, by gossip. */
const PATIENCE = 5;

function byTime(homes: readonly EndpointHome[]): EndpointHome[] {
  return [...homes].sort((a, b) => (a.firstSeconds ?? 0) - (b.firstSeconds ?? 0));
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    const isRouter = routers(capture.homes);
    for (const places of endpointPlaces(capture.homes)) {
      if (areConcurrent(places) || places.some(isRouter)) continue;
      const [old, now] = byTime(places).slice(-2);
      if (old.vtep === now.vtep) continue;
      const moved = now.firstSeconds ?? Number.NaN;
      const stale = capture.pairs.filter(
        (pair) =>
          pair.vni === now.vni &&
          pair.innerDestination === now.address &&
          pair.destination === old.vtep &&
          (pair.lastSeconds ?? Number.NaN) > moved + PATIENCE,
      );
      const senders = [...new Set(stale.map(({ source }) => source))];
      const where = `${now.address} in ${networkText(evidence, now.vni)}`;
      const [from, to] = [nodeText(evidence, old.vtep), nodeText(evidence, now.vtep)];
      yield {
        severity: senders.length > 0 ? Severity.Error : Severity.Note,
        certainty: Certainty.Certain,
        summary:
          senders.length > 0
            ? `${where} moved from ${from} to ${to}, but ${listed(senders.map((sender) => nodeText(evidence, sender)))} still ${senders.length === 1 ? 'sends' : 'send'} to the old place.`
            : `${where} moved from ${from} to ${to}.`,
        subject: { vni: now.vni, endpoints: [now.address], nodes: [...senders, old.vtep, now.vtep] },
        exhibits: [
          shown(
            capture,
            { ...now, count: 1 },
            `it sends from ${now.vtep} (${now.mac}) instead of ${old.vtep} (${old.mac})`,
          ),
          ...stale
            .slice(0, 4)
            .map((pair) =>
              shown(
                capture,
                pair,
                `${counted(pair.count, 'frame')} from ${pair.innerSource} to it; the last ones go to ${old.vtep}`,
              ),
            ),
        ],
        advice:
          senders.length > 0
            ? [
                'The forwarding entries of the sender are stale: replace them, and look at the gossip of that node, which should have told it.',
              ]
            : ['A task that was started on another node with its address: nothing is wrong.'],
        ...(senders.length > 0
          ? {
              commands: [
                `${inNamespace(networkId(evidence, now.vni), `bridge fdb replace ${now.mac} dev vxlan0 dst ${now.vtep} self permanent`)}   # on ${listed(senders.map((sender) => nodeText(evidence, sender)))}`,
              ],
              collect: ['bridge fdb show', 'ip neigh', 'docker network inspect --verbose NETWORK'],
            }
          : {}),
      };
    }
  }
}

export const endpointMoved: Finding = {
  id: 'endpoint-moved',
  title: 'An endpoint moved to another node',
  severity: Severity.Error,
  looksAt: 'captures: the VTEPs that an inner address sends from, and those that others send to',
  fires: 'an address sends from another VTEP than before; an error if frames still go to the old one 5 s later',
  means: 'Nodes learn of a move by gossip. One that did not keeps sending to the old node.',
  threads: ['moby/moby#49908', 'moby/moby#32195', 'moby/moby#47728', 'moby/moby#31588'],
  explains: ['one-sided-traffic'],
  find: perSubject(find),
};
