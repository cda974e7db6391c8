/** `vtep service create`. */
import { createService, findNetwork, readOverlay, type ServiceRequest } from '../../fleet/index.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { CONTROL_CONTEXT } from '../options/control-context.js';
import { flag, option, options } from '../options/declared.js';
import { STORE_OPTIONS, withNewStore } from '../options/store-option.js';
import { choice, integer, keyValue, text } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { attachment, publishedPorts } from './service-options.js';

/** Most tasks of a service. */
export const MAX_REPLICAS = 100_000;

/** `vtep service create`. */
export const serviceCreateCommand = declare({
  usage: ['--name NAME [OPTIONS]'],
  description: [
    'Creates a service in a store and prints its id: a virtual IP in each of its networks, published ports, and as many ' +
      'tasks as it asks for, which the leader spreads over the nodes. What Docker refuses is refused in its words.',
  ],
  options: {
    name: option('--name NAME', 'name of the service, also in DNS', text).need(),
    network: options('--network NETWORK', 'a network, or name=NETWORK,alias=NAME', attachment),
    replicas: option('--replicas N', 'how many tasks', integer(0, MAX_REPLICAS)).otherwise('1'),
    mode: option('--mode MODE', 'a number of tasks, or one on each node', choice('replicated', 'global')).or(
      'replicated',
    ),
    publish: options(
      '-p, --publish PORT',
      'a port on all nodes: 8080:80, 53:53/udp, or published=80,target=80,mode=host on those with a task',
      publishedPorts,
    ),
    endpointMode: option('--endpoint-mode MODE', 'a virtual IP, or the tasks in DNS', choice('vip', 'dnsrr')).or('vip'),
    label: options('-l, --label KEY=VALUE', 'a label', keyValue),
    netns: option(
      '--netns TEMPLATE',
      'network namespace of each task, with {{.Service.Name}}, {{.Task.Slot}}, {{.Task.Name}} or {{.Node.Hostname}}',
      text,
    ).otherwise("the host's"),
    detach: flag('-d, --detach', 'for commands written for Docker: no command waits for tasks'),
    ...STORE_OPTIONS,
  },
  notes: [
    'There is no image, and no command to run in it. Start what serves in the network namespaces of the tasks, before or ' +
      'after the node makes the interfaces there.',
  ],
  examples: [
    [
      "vtep service create --store nats://10.0.0.5/prod --name web --network net --replicas 3 --netns '{{.Task.Name}}'",
      'three tasks, in the network namespaces web.1, web.2 and web.3 of the nodes that get them',
    ],
    ['vtep service create --name web --network net -p 8080:80', 'also at port 8080 of every node'],
    [
      'vtep service create --name web --network net --mode global -p published=80,target=80,mode=host',
      'a task on each node, at its port 80, in a store that VTEP_STORE names',
    ],
  ],
  async run(values) {
    const { name, mode, endpointMode, replicas, netns } = values;
    if (mode === 'global' && replicas !== undefined) {
      throw new UsageError('replicas can only be used with replicated or replicated-job mode');
    }
    const { id } = await withNewStore(values, async (store) => {
      const view = await readOverlay(store);
      const request: ServiceRequest = {
        name,
        mode: endpointMode,
        deploy: mode,
        replicas: replicas ?? 1,
        networks: values.network.map(({ network, aliases }) => ({ network: findNetwork(view, network).name, aliases })),
        ports: values.publish.flat(),
        labels: Object.fromEntries(values.label),
        ...(netns !== undefined && { netns }),
      };
      return createService(store, request, CONTROL_CONTEXT);
    });
    const output = new TextOutput();
    output.line(id);
    output.flush();
    return ExitCode.Done;
  },
});
