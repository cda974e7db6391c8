/** `vtep network plan`: shows the addresses that a swarm's manager gives out for a config. */
import type * as Files from '../../overlay/files.js';
import { plain } from '../../text/plain-text.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { flag, option } from '../options/declared.js';
import { aboutFile } from '../options/file-error.js';
import { readKeyText } from '../options/small-file.js';
import { file } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { planJson, printPlan } from './plan-report.js';

const MAX_BYTES = 1 << 26;
const WHAT = 'a config (64 MiB)';

const OPTIONS = {
  config: option('--config FILE', 'nodes, networks and services (YAML or JSON); keys are not needed', file).need(),
  strict: flag('--strict', 'exit with 1 if something gets no address'),
  pin: flag(
    '--pin',
    'print the networks, services, endpoints and mesh of the config with all addresses pinned, as YAML',
  ),
  json: flag('--json', 'print one JSON object'),
};

/** Applies one of the parsers of a config to a file. */
async function read<T>(
  path: string,
  parserOf: (config: Pick<typeof Files, 'parseSwarmPlan' | 'pinnedConfig'>) => (file: Files.KeyText) => T,
): Promise<T> {
  const parse = parserOf(await import('../../overlay/config.js'));
  try {
    const text = readKeyText(path, MAX_BYTES, WHAT);
    try {
      return parse(text);
    } finally {
      text.wipe();
    }
  } catch (error) {
    throw aboutFile(path, error);
  }
}

/** `vtep network plan`. */
export const networkPlanCommand = declare({
  usage: ['--config FILE [OPTIONS]'],
  description: [
    "Shows what a swarm's manager gives out if everything in a config is created in the order in which it is listed: " +
      "each network's subnet, VNI and gateway, the virtual IPs of services, the addresses of tasks and of each node's " +
      'load balancer, and how many replicas fit. What Docker refuses is refused in its words.',
  ],
  options: OPTIONS,
  notes: [
    'Something for which a network has no address waits, as it does in a swarm, where docker service ps shows it as new.',
    'With --pin, whatever has an address keeps it when services are scaled, added or removed: replace these sections of ' +
      'the config with the output, then change it.',
  ],
  examples: [
    ['vtep network plan --config swarm.yaml', 'the plan'],
    ['vtep network plan --config swarm.yaml --pin', 'what to put into the config before a service is scaled'],
    ['vtep network plan --config swarm.yaml --strict --json', 'for a program, which sees by the status if all fits'],
  ],
  async run({ config, strict, pin, json }) {
    if (pin && json) throw new UsageError('--pin prints YAML; leave --json out');
    const plan = await read(config, ({ parseSwarmPlan }) => parseSwarmPlan);
    const output = new TextOutput();
    if (pin) {
      const pinned = await read(config, ({ pinnedConfig }) => pinnedConfig);
      output.verbatim(pinned.trimEnd().split('\n').map(plain).join('\n'));
    } else if (json) output.json(planJson(plan));
    else printPlan(output, plan);
    output.flush();
    return strict && plan.waiting.length > 0 ? ExitCode.DataWrong : ExitCode.Done;
  },
});
