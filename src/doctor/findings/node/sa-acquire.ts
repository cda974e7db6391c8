import { contains } from '../../derived/addresses.js';
import { distinctSas, isDockerPolicy } from '../../derived/associations.js';
import { aliases, nodesWith, nodeText, startText } from '../../derived/nodes.js';
import { counted, exhibit, listed } from '../../derived/wording.js';
import { type Evidence, InputKind, type NodeEvidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** A policy demands an SA that nobody set up. */
export const saAcquire: Finding = {
  id: 'sa-acquire',
  title: "The kernel waits for an SA that doesn't exist",
  severity: Severity.Error,
  looksAt: 'ip xfrm state',
  fires:
    'an entry has SPI 0; a warning if the only policies for the peer are those of another program, which may be negotiating',
  means:
    'A policy says that packets to the peer are to be encrypted, but there is no SA to do it with. The kernel asked for one and drops the packets meanwhile. ' +
    'Docker negotiates no SAs, so none will come.',
  threads: ['moby/moby#43359', 'moby/moby#30766'],
  explains: ['one-sided-esp', 'one-sided-traffic', 'xfrm-out-without-sa'],
  find: findAcquires,
};

function* findAcquires(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.XfrmState)) {
    const sas = distinctSas(node).filter(({ spi, protocol }) => spi === 0 && protocol === 'esp');
    if (sas.length === 0) continue;
    const peers = listed(sas.map(({ destination }) => destination));
    const isNegotiated = sas.every(({ destination }) => hasOtherPolicy(node, destination));
    yield {
      severity: isNegotiated ? Severity.Warning : Severity.Error,
      certainty: isNegotiated ? Certainty.Possible : Certainty.Certain,
      summary: `${startText(node)} has a policy but no SA for packets to ${peers}: they are dropped.`,
      subject: { nodes: [...new Set([...aliases(node), ...sas.map(({ destination }) => destination)])] },
      exhibits: [exhibit(`${counted(sas.length, 'entry', 'entries')} with SPI 0 to ${peers}`, sas)],
      advice: [
        `See in the log of the engine of ${nodeText(node)} why the SAs weren't set up, and restart it.`,
        'If a program other than Docker installed the policy, start its key exchange or remove the policy.',
      ],
      commands: [
        'ip xfrm policy',
        'journalctl -u docker --since -1h | grep -iE "xfrm|encrypt|spi"',
        'systemctl restart docker',
      ],
      ...(isNegotiated ? { collect: ['ip xfrm state; sleep 30; ip xfrm state   # is the entry still there?'] } : {}),
    };
  }
}

/** Whether only a policy of a program that negotiates SAs is for a peer: it has such an entry while it does. */
function hasOtherPolicy({ policies }: NodeEvidence, peer: string): boolean {
  const own = policies.filter(({ direction, destination }) => direction === 'out' && contains(destination, peer));
  return own.length > 0 && !own.some(isDockerPolicy);
}
