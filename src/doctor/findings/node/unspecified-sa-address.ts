import { isUnspecified } from '../../derived/addresses.js';
import { distinctSas, isTransportEsp } from '../../derived/associations.js';
import { aliases, nodesWith, nodeText } from '../../derived/nodes.js';
import { counted, exhibit } from '../../derived/wording.js';
import { type Evidence, InputKind } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** SAs to and from 0.0.0.0: the engine doesn't know the node's address. */
export const unspecifiedSaAddress: Finding = {
  id: 'unspecified-sa-address',
  title: 'SAs go to or come from 0.0.0.0',
  severity: Severity.Error,
  looksAt: 'ip xfrm state',
  fires: 'an ESP SA in transport mode has 0.0.0.0 or :: as an address',
  means:
    "The engine set up encryption with no address as the node's data path address. No packet has that address, so no packet " +
    'is encrypted with these SAs or matches them on arrival.',
  threads: ['moby/moby#30766'],
  explains: [
    'one-sided-esp',
    'unknown-spi',
    'clear-vxlan-on-encrypted-network',
    'one-sided-traffic',
    'peer-without-sas',
    'sa-for-wrong-address',
    'xfrm-unknown-spi-counted',
  ],
  find: findUnspecified,
};

function* findUnspecified(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.XfrmState)) {
    const sas = distinctSas(node).filter(
      (sa) => isTransportEsp(sa) && (isUnspecified(sa.source) || isUnspecified(sa.destination)),
    );
    if (sas.length === 0) continue;
    yield {
      severity: Severity.Error,
      certainty: Certainty.Certain,
      summary: `${counted(sas.length, 'SA')} of ${nodeText(node)} ${sas.length === 1 ? 'goes' : 'go'} to or from 0.0.0.0, so no packet of an encrypted network matches.`,
      subject: { nodes: aliases(node) },
      exhibits: [exhibit(`src ${sas[0].source} dst ${sas[0].destination}`, sas)],
      advice: [
        'Let the node leave the swarm, and join it with the address of the interface that the other nodes reach it at.',
      ],
      commands: [
        'docker swarm leave',
        'docker swarm join --advertise-addr INTERFACE --data-path-addr INTERFACE --token TOKEN MANAGER:2377',
      ],
    };
  }
}
