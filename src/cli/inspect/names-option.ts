/** `--config` and `--swarm` of commands that name addresses. The code that reads the files is loaded only if one is named. */
import type { AddressNames } from '../../inspect/index.js';
import { CONFIG_OPTIONS, configOption, swarmOption } from '../options/config-option.js';
import { defaultsOf, option, options, type Values } from '../options/declared.js';
import { file } from '../options/value-kinds.js';
import { UsageError } from '../usage-error.js';

/** The options. */
export const NAMES_OPTIONS = {
  config: option('--config FILE', 'name nodes, services, tasks and containers as this config does', file),
  swarm: options(
    '--swarm FILE',
    'name them as a swarm does: output of docker network inspect --verbose, and of docker service, task, node and ' +
      'container inspect, in any number of files',
    file,
  ),
};

/**
 * The names that the options give.
 * @returns undefined without any of them
 * @throws UsageError
 */
export async function namesOption(values: Values<typeof NAMES_OPTIONS>): Promise<AddressNames | undefined> {
  const { config, swarm } = values;
  if (config === undefined && swarm.length === 0) return undefined;
  if (config !== undefined && swarm.length > 0) throw new UsageError('--config and --swarm are mutually exclusive');
  const { AddressNames } = await import('../../inspect/index.js');
  if (swarm.length > 0) {
    const { topology, former, networkIds } = await swarmOption(swarm, {}, { namesOnly: true });
    return new AddressNames(topology, former, networkIds);
  }
  const topology = await configOption({ ...defaultsOf(CONFIG_OPTIONS), config });
  return topology === undefined ? undefined : new AddressNames(topology);
}
