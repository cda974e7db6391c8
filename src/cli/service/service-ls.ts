/** `vtep service ls`. */
import { isRunning, type OverlayView, readOverlay, type ServiceRecord, type Task, tasksOf } from '../../fleet/index.js';
import { Deployment } from '../../overlay/index.js';
import { declare } from '../command.js';
import { byName, dockerTable, shortId } from '../docker-table.js';
import { ExitCode } from '../exit-code.js';
import { flag, option } from '../options/declared.js';
import { filtered, filterOption, type FilterTest, hasLabel } from '../options/filters.js';
import { STORE_OPTIONS, withStore } from '../options/store-option.js';
import { choice } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';
import { ingressPortsText } from './port-text.js';

const HEADINGS = ['ID', 'NAME', 'MODE', 'REPLICAS', 'NETNS', 'PORTS'];

const FILTERS: Readonly<Record<string, FilterTest<ServiceRecord>>> = {
  id: ({ id }, value) => id.startsWith(value),
  name: ({ name }, value) => name.startsWith(value),
  mode: ({ deploy }, value) => deploy === value,
  label: ({ labels }, value) => hasLabel(labels, value),
};

/** How many tasks run, and how many should: `2/3`. */
function replicasOf({ nodes }: OverlayView, service: ServiceRecord, tasks: readonly Task[]): string {
  const running = tasks.filter((task) => nodes.has(task.node) && isRunning(task, service)).length;
  return `${running}/${service.deploy === Deployment.Global ? nodes.size : service.replicas}`;
}

/** `vtep service ls`. */
export const serviceLsCommand = declare({
  usage: ['[OPTIONS]'],
  description: [
    'Lists the services of a store. A task counts when its node has its interfaces. Where Docker shows an image, this ' +
      "shows the network namespaces of the tasks; there is none where they are the host's.",
  ],
  options: {
    filter: filterOption(...Object.keys(FILTERS)),
    quiet: flag('-q, --quiet', 'print only ids'),
    format: option('--format FORMAT', 'table, or json for an object per line', choice('table', 'json')).or('table'),
    ...STORE_OPTIONS,
  },
  examples: [
    ['vtep service ls --store nats://10.0.0.5/prod', 'the services'],
    [
      'vtep service ls --filter mode=global --filter label=team=a',
      'those that have both, in a store that VTEP_STORE names',
    ],
    ['vtep service ls --format json | jq -r .Replicas', 'for a program'],
  ],
  async run(values) {
    const view = await withStore(values, readOverlay);
    const tasks = tasksOf(view);
    const rows = filtered([...view.services.values()], values.filter, FILTERS)
      .toSorted(byName)
      .map((service) => ({
        ID: shortId(service.id, false),
        Name: service.name,
        Mode: service.deploy,
        Replicas: replicasOf(view, service, tasks.get(service.name) ?? []),
        Netns: service.netns ?? '',
        Ports: ingressPortsText(service.ports),
      }));
    const output = new TextOutput();
    if (values.quiet) for (const { ID } of rows) output.line(ID);
    else if (values.format === 'json') {
      for (const { ID, Mode, Name, Ports, Replicas, Netns } of rows) {
        output.json({ ID, Image: '', Mode, Name, Ports, Replicas, Netns }, 0);
      }
    } else
      dockerTable(
        output,
        HEADINGS,
        rows.map((row) => Object.values(row)),
      );
    output.flush();
    return ExitCode.Done;
  },
});
