/** `vtep network plan`: shows the addresses that a swarm's manager gives out for a config. */
import type { SwarmPlan } from '../../overlay/index.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { flag, option } from '../options/declared.js';
import { aboutFile } from '../options/file-error.js';
import { readKeyText } from '../options/small-file.js';
import { file } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';
import { planJson, printPlan } from './plan-report.js';

const MAX_BYTES = 1 << 26;
const WHAT = 'a config (64 MiB)';

const OPTIONS = {
  config: option('--config FILE', 'nodes, networks and services (YAML or JSON); keys are not needed', file).need(),
  strict: flag('--strict', 'exit with 1 if something gets no address'),
  json: flag('--json', 'print one JSON object'),
};

async function readPlan(path: string): Promise<SwarmPlan> {
  const { parseSwarmPlan } = await import('../../overlay/config.js');
  try {
    const text = readKeyText(path, MAX_BYTES, WHAT);
    try {
      return parseSwarmPlan(text);
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
  ],
  examples: [
    ['vtep network plan --config swarm.yaml', 'the plan'],
    ['vtep network plan --config swarm.yaml --strict --json', 'for a program, which sees by the status if all fits'],
  ],
  async run({ config, strict, json }) {
    const plan = await readPlan(config);
    const output = new TextOutput();
    if (json) output.json(planJson(plan));
    else printPlan(output, plan);
    output.flush();
    return strict && plan.waiting.length > 0 ? ExitCode.DataWrong : ExitCode.Done;
  },
});
