import { aliases, nodeText } from '../../derived/nodes.js';
import { exhibit } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

/** What a state of the node in the swarm means. */
const STATES: Readonly<
  Record<string, { readonly severity: Severity; readonly text: string; readonly advice: string }>
> = {
  inactive: {
    severity: Severity.Warning,
    text: "isn't in a swarm",
    advice: 'If it should be, let it join: overlay networks of a swarm do not reach it.',
  },
  pending: {
    severity: Severity.Warning,
    text: "hasn't joined its swarm yet",
    advice: 'Check that it reaches a manager at TCP 2377, and that its clock is right.',
  },
  error: {
    severity: Severity.Error,
    text: 'has an error with its swarm',
    advice:
      'The text of the error is in docker info; an expired certificate means that the node has to leave and join again.',
  },
  locked: {
    severity: Severity.Error,
    text: 'is a manager that waits to be unlocked',
    advice: 'Unlock it with the key of the swarm: it takes part in nothing until then.',
  },
};

/** A node isn't an active member of a swarm. */
export const swarmNotActive: Finding = {
  id: 'swarm-not-active',
  title: "A node isn't an active member of a swarm",
  severity: Severity.Error,
  looksAt: 'docker info',
  fires: 'docker info shows the state `inactive` or `pending` (a warning), `error` or `locked` (an error)',
  means: 'The node gets no tasks, no keys and no addresses of other nodes. Its overlay networks are stale or missing.',
  threads: ['moby/moby#25608', 'moby/moby#47728'],
  explains: ['gossip-suspicions', 'node-behind-in-rotation', 'one-sided-traffic'],
  find: findStates,
};

function* findStates({ nodes }: Evidence): Generator<Diagnosis> {
  for (const node of nodes) {
    for (const engine of node.engines) {
      const state = Object.hasOwn(STATES, engine.swarm) ? STATES[engine.swarm] : undefined;
      if (state === undefined) continue;
      yield {
        severity: state.severity,
        certainty: Certainty.Certain,
        summary: `${node.name === '' && engine.name !== '' ? engine.name : nodeText(node)} ${state.text}.`,
        subject: { nodes: aliases(node) },
        exhibits: [exhibit(`Swarm: ${engine.swarm}`, [engine])],
        advice: [state.advice],
        commands:
          engine.swarm === 'locked'
            ? ['docker swarm unlock']
            : [
                'docker info --format "{{.Swarm.LocalNodeState}} {{.Swarm.Error}}"',
                'docker swarm join --token TOKEN MANAGER:2377',
              ],
      };
    }
  }
}
