import { aliases, nodeText, startText } from '../../../derived/nodes.js';
import { objectAt, objectsAt, textOf } from '../../../derived/status-document.js';
import { exhibit, listed } from '../../../derived/wording.js';
import type { Evidence } from '../../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';
import { nodeStatuses } from './status-input.js';
import { secondsText } from '../../../../text/quantity.js';

/** Even certificates for an hour, the shortest that Swarm issues, are renewed before they have this left, in seconds. */
const EXPIRES_SOON = 600;

/** A vtep node has trouble with its swarm. */
export const vtepSwarmProblem: Finding = {
  id: 'vtep-swarm-problem',
  title: 'A vtep node has trouble with its swarm',
  severity: Severity.Error,
  looksAt: 'vtep status --json of a node in a swarm',
  fires: `the section \`swarm\` shows a problem; the certificate expires within ${EXPIRES_SOON / 60} minutes; or an attachment was refused`,
  means:
    'Without a manager the node gets no new keys and no addresses of services; without a valid certificate it gets no manager.',
  threads: ['moby/moby#25608'],
  explains: ['node-behind-in-rotation', 'rotation-missed'],
  find: findProblems,
};

function* findProblems(evidence: Evidence): Generator<Diagnosis> {
  for (const { node, status, place } of nodeStatuses(evidence)) {
    const subject = { nodes: aliases(node) };
    const { problem, problemText, state, certificateSecondsLeft } = objectAt(status, 'swarm');
    if (textOf(problem) !== '') {
      yield {
        severity: Severity.Error,
        certainty: Certainty.Certain,
        summary: `${startText(node)} has a problem with its swarm: ${textOf(problemText) || textOf(problem)}.`,
        subject,
        exhibits: [exhibit(`${textOf(problem)}, state ${textOf(state)}`, [{ place }])],
        advice: ['Check that the node reaches a manager at TCP 2377, and that its clock is right.'],
        commands: ['vtep status swarm', 'docker node ls'],
      };
    }
    if (typeof certificateSecondsLeft === 'number' && certificateSecondsLeft < EXPIRES_SOON) {
      const isExpired = certificateSecondsLeft <= 0;
      yield {
        severity: isExpired ? Severity.Error : Severity.Warning,
        certainty: Certainty.Certain,
        summary: `The certificate of ${nodeText(node)} ${isExpired ? 'has expired' : `expires in ${secondsText(certificateSecondsLeft)}`}.`,
        subject,
        exhibits: [exhibit(`certificateSecondsLeft: ${certificateSecondsLeft}`, [{ place }])],
        advice: [
          isExpired
            ? 'Let the node join again, with a new token.'
            : 'It should have been renewed by now: check the connection to the managers.',
        ],
        commands: ['docker swarm join-token worker'],
      };
    }
    const refused = objectsAt(status, 'attachments', 'rows').filter((row) => textOf(row['problem']) !== '');
    if (refused.length > 0) {
      const names = refused.map((row) => `${textOf(row['network'])} (${textOf(row['problem'])})`);
      yield {
        severity: Severity.Error,
        certainty: Certainty.Certain,
        summary: `${startText(node)} isn't attached to ${listed(names)}.`,
        subject,
        exhibits: [exhibit(`attachments: ${listed(names)}`, [{ place }])],
        advice: ['See whether the network is attachable, and whether it has free addresses.'],
        commands: ["docker network inspect --format '{{.Attachable}}' NETWORK"],
      };
    }
  }
}
