/** DNS queries without an answer. */
import type { ConversationReport } from '../../../inspect/index.js';
import {
  capturesOf,
  counted,
  innerSubject,
  networkText,
  perSubject,
  shareText,
  shown,
  type UnansweredQueries,
  vtepsOf,
} from '../../capture/index.js';
import type { CaptureEvidence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { WayBack, wayBackOf } from './way-back.js';

/** Lost queries from which it isn't a single loss. */
const ENOUGH = 2;

/** Whether the capture has the direction that answers take: if nothing reaches the client in it, it may be of one direction. */
function showsAnswers(capture: CaptureEvidence, { vni, innerSource, innerDestination }: UnansweredQueries): boolean {
  const reaches = ({ a, b }: ConversationReport): boolean =>
    (a.address === innerSource && b.packets > 0) || (b.address === innerSource && a.packets > 0);
  const rows = capture.survey.flows?.conversations ?? [];
  if (rows.some((row) => (row.vni ?? -1) === vni && reaches(row))) return true;
  const ends = vtepsOf(capture, vni, innerSource, innerDestination);
  return ends.length === 2 && wayBackOf(capture, ends[0], ends[1], vni) === WayBack.Shown;
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    for (const row of capture.unansweredQueries) {
      const { count, answered, innerSource, innerDestination, vni } = row;
      if (count < ENOUGH) continue;
      const all = count + answered;
      const where = vni < 0 ? '' : ` in ${networkText(evidence, vni)}`;
      const isShown = answered > 0 || showsAnswers(capture, row);
      yield {
        severity: answered === 0 && isShown ? Severity.Error : Severity.Warning,
        certainty: isShown ? Certainty.Certain : Certainty.Possible,
        summary: !isShown
          ? `The capture shows no answer of ${innerDestination} to the ${counted(count, 'DNS query', 'DNS queries')} of ${innerSource}${where}.`
          : answered === 0
            ? `${innerDestination} answers none of the ${counted(count, 'DNS query', 'DNS queries')} of ${innerSource}${where}.`
            : `${innerDestination} doesn't answer ${counted(count, 'DNS query', 'DNS queries')} of ${innerSource}${where} within 5 s (${shareText(count, all)} of ${all}).`,
        subject: innerSubject(capture, vni, innerSource, innerDestination),
        exhibits: [
          shown(capture, row, `${counted(count, 'query', 'queries')} without an answer; ${answered} answered`),
          ...(isShown
            ? []
            : [
                {
                  text: `nothing reaches ${innerSource}: the capture may lack that direction`,
                  places: [{ file: capture.file }],
                },
              ]),
        ],
        advice: [
          "Docker's resolver forwards what it doesn't know to the servers of the node's resolv.conf, by way of the container or of the host: make sure that the server is reachable from there.",
          'If the same server answers others, its answers are lost: they may be larger than the path takes (EDNS0), or it limits the rate of queries.',
        ],
        commands: [
          `dig @${innerDestination} example.com +time=2 +tries=1   # in the network namespace of ${innerSource}`,
          `dig @${innerDestination} example.com +bufsize=1232   # there, too`,
        ],
        collect: ['cat /etc/resolv.conf', 'journalctl -u docker | grep -i resolver', 'iptables-save'],
      };
    }
  }
}

export const dnsTimeouts: Finding = {
  id: 'dns-timeouts',
  title: 'DNS queries get no answer',
  severity: Severity.Error,
  looksAt: 'captures: DNS over UDP, inside networks and outside',
  fires:
    'two or more queries of a client to a server without an answer within 5 s: an error if none is answered, otherwise a warning, as it is if nothing else reaches the client in the capture',
  means: 'Each lost query costs a client 5 s. To users, everything is slow, or names cannot be found.',
  threads: [],
  explains: ['one-sided-traffic'],
  find: perSubject(find),
};
