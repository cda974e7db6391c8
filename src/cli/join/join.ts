/** `vtep join`: runs this host as a node of a Docker swarm. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isVtepError } from '../../error.js';
import { JoinError } from '../../join/index.js';
import { JoinedVtep } from '../../swarm/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { optimizeEarly } from '../live/early-optimization.js';
import { Interruptible } from '../live/interruptible.js';
import { LiveCipher } from '../live/live-cipher.js';
import { MICROSECONDS } from '../live/live-options.js';
import { aeadOption } from '../options/aead-option.js';
import { Operand } from '../options/declared.js';
import { meshOf } from '../options/mesh-options.js';
import { withSignals } from '../signals.js';
import { say } from '../text-output.js';
import { attachPlan } from './attach-plan.js';
import { problem } from './join-lines.js';
import { JOIN_OPTIONS, type JoinValues } from './join-options.js';
import { JoinRun } from './join-run.js';
import { readToken } from './join-token.js';
import { remedyFor } from './remedies.js';

/** Sequence numbers of ESP, beside the identity. */
const SEQUENCES = 'sequences';
const OWNER_ONLY = 0o700;
/** Errors that may pass by themselves. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  'CONNECTION_REFUSED',
  'CONNECTION_TIMEOUT',
  'MANAGER_SILENT',
  'MANAGER_UNAVAILABLE',
]);

/** Opens, runs and closes the node. */
async function runNode(values: JoinValues, managers: readonly string[], ending: Interruptible): Promise<number> {
  const { state, name, availability, advertiseAddr, dataPathAddr, sockets, innerChecksums } = values;
  const { oversize, busyPoll, clampMss } = values;
  const attachments = attachPlan(values);
  const token = await readToken(values);
  const mesh = await meshOf(values);
  const choice = await aeadOption(values.aead);
  try {
    mkdirSync(state, { recursive: true, mode: OWNER_ONLY });
  } catch (error) {
    throw new JoinError(
      'STATE_UNUSABLE',
      `${inQuotes(state)}: can't be created (${(error as NodeJS.ErrnoException).code})`,
    );
  }
  optimizeEarly();
  const cipher = new LiveCipher(choice, join(state, SEQUENCES));
  const { cipher: nodeCipher } = cipher.options;
  if (nodeCipher === undefined) throw new Error('a cipher was chosen');
  const run = new JoinRun(values, choice.aead.name, ending);
  try {
    const joined = await JoinedVtep.open({
      managers,
      stateDirectory: state,
      attachments,
      cipher: nodeCipher,
      oversize,
      busyPoll: busyPoll / MICROSECONDS,
      clampMss,
      ...(token === undefined ? {} : { token }),
      ...(name === undefined ? {} : { name }),
      ...(availability === undefined ? {} : { availability }),
      ...(advertiseAddr === undefined ? {} : { advertiseAddress: advertiseAddr }),
      ...(dataPathAddr === undefined ? {} : { dataPathAddress: dataPathAddr }),
      ...(mesh === undefined ? {} : { mesh }),
      ...(sockets === undefined ? {} : { sockets }),
      ...(innerChecksums === undefined ? {} : { partialChecksums: innerChecksums === 'accept' }),
      onSaEvent: ({ text }) => run.tell({ text }),
      onEvent: (event) => run.take(event),
      signal: ending.signal,
      endAtOnce: ending.atOnce,
    });
    let held: number;
    try {
      await run.run(joined);
      run.report(joined);
    } finally {
      held = await joined.close();
    }
    if (held > 0) {
      const what = held === 1 ? 'its address' : `its ${held} addresses`;
      run.tell({ text: `the swarm still holds ${what} for this node: the next start gets them back`, style: 'yellow' });
    }
    return cipher.stateLost ? ExitCode.Unusable : ExitCode.Done;
  } catch (error) {
    // Cancelled before it had joined.
    if (isVtepError(error) && error.code === 'CLOSED' && ending.signal.aborted) return ExitCode.Done;
    throw error;
  } finally {
    cipher.close();
  }
}

/** `vtep join`. */
export const joinCommand = declare({
  usage: ['MANAGER[:PORT]... --token-file FILE --attach NETWORK [OPTIONS]'],
  description: [
    'Runs this host as a worker of a Docker swarm, without a Docker engine, until SIGINT or SIGTERM: it joins with ' +
      "a worker's token, attaches to attachable overlay networks with an interface each, learns peers and services from " +
      "the swarm's gossip, and carries VXLAN and ESP. Needs Linux, root and koffi. On a terminal it shows the state; the " +
      'report comes at the end.',
    'The token is needed once: with the stored identity the process comes back as the same node, with the same ' +
      'addresses. When it ends, it gives the addresses back; the swarm shows it as Down until docker node rm NODE.',
  ],
  operand: new Operand(
    '[MANAGER...]',
    'a manager',
    'HOST or HOST:PORT; default port: 2377. Not needed with a stored identity',
    undefined,
    [],
  ),
  options: JOIN_OPTIONS,
  notes: [
    'A token in an argument is visible to all users of this machine in ps, and stays in the history of the shell: ' +
      '--token-file - reads it from standard input. Whoever has a token can become a node, and a node has the keys of ' +
      'all encrypted networks (docs/join.md).',
    'The swarm may place tasks of services on this node, which rejects them. A global service tries again every 5 s: ' +
      'docker node update --availability drain NODE after the networks are attached keeps tasks away, and the ' +
      'attachments stay.',
    'The gossip of a swarm has no labels of services: the routes of an HTTP routing mesh are those of --mesh FILE, each ' +
      'with its service and port (docs/mesh.md).',
    'Managers need TCP port 2377 open; all nodes TCP and UDP port 7946, UDP port 4789, and for encrypted networks IP ' +
      'protocol 50.',
  ],
  examples: [
    [
      'docker swarm join-token -q worker | ssh probe vtep join 192.168.50.1 --token-file - --attach web',
      'join from a manager, and attach to the network web',
    ],
    ['vtep join --attach web --attach db=10.0.9.50 --device db=db0', 'come back with the stored identity'],
    [
      'vtep join 192.168.50.1 --token-file token --attach web --netns web=probe --name probe-1 --metrics 9100',
      'the interface in a network namespace, and metrics for Prometheus',
    ],
  ],
  fails: 'it is no node of the swarm (any more), such as after docker node rm',
  waits: 'no manager could be reached to join the swarm; it may work later',
  async run(values, managers) {
    const ending = new Interruptible();
    const interrupt = (): void => ending.interrupt();
    try {
      return await withSignals({ SIGINT: interrupt, SIGTERM: interrupt, SIGHUP: interrupt }, () =>
        runNode(values, managers, ending),
      );
    } catch (error) {
      if (!isVtepError(error)) throw error;
      const passes = UNREACHABLE.has(error.code);
      if (!passes && remedyFor(error) === undefined) throw error;
      const [{ text: cause, style }, ...others] = problem(error);
      say(`vtep: ${cause}`, style === undefined ? undefined : 'red');
      for (const { text } of others) say(`vtep: ${text}`);
      return passes ? ExitCode.Unreachable : ExitCode.Unusable;
    }
  },
});
