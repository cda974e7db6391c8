/** `vtep service ps`. */
import { findService, readOverlay } from '../../fleet/index.js';
import { declare } from '../command.js';
import { dockerTable } from '../docker-table.js';
import { CONTROL_CONTEXT } from '../options/control-context.js';
import { flag, Operand, option } from '../options/declared.js';
import { forEach } from '../options/each-operand.js';
import { filtered, filterOption, type FilterTest } from '../options/filters.js';
import { STORE_OPTIONS, withStore } from '../options/store-option.js';
import { choice } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';
import { ServiceTasks, shortened, type TaskRow } from './service-tasks.js';

const HEADINGS = ['ID', 'NAME', 'NETNS', 'NODE', 'DESIRED STATE', 'CURRENT STATE', 'ERROR', 'PORTS'];

const FILTERS: Readonly<Record<string, FilterTest<TaskRow>>> = {
  id: ({ id }, value) => id.startsWith(value),
  name: ({ name }, value) => name.startsWith(value),
  node: ({ node }, value) => node === value,
  'desired-state': ({ desired }, value) => desired.toLowerCase() === value.toLowerCase(),
};

/** `vtep service ps SERVICE...`. */
export const servicePsCommand = declare({
  usage: ['SERVICE... [OPTIONS]'],
  description: [
    'Lists the tasks of services of a store: on which node, and whether the node has their interfaces (Running) or not ' +
      'yet (Preparing). Times are those since the task was created. Tasks that are gone are not listed.',
  ],
  operand: new Operand('<SERVICE...>', 'a service', 'name, id, or the beginning of an id', undefined),
  options: {
    filter: filterOption(...Object.keys(FILTERS)),
    quiet: flag('-q, --quiet', 'print only ids'),
    format: option('--format FORMAT', 'table, or json for an object per line', choice('table', 'json')).or('table'),
    // Commander's default of a negated option is true.
    trunc: flag('--no-trunc', 'print whole ids and errors'),
    ...STORE_OPTIONS,
  },
  examples: [
    ['vtep service ps --store nats://10.0.0.5/prod web', 'the tasks of web'],
    ['vtep service ps --filter node=n1 web db', 'those of two services on n1, in a store that VTEP_STORE names'],
  ],
  async run(values, names) {
    const view = await withStore(values, readOverlay);
    const tasks = new ServiceTasks(view, CONTROL_CONTEXT.now());
    const all: TaskRow[] = [];
    const code = await forEach(names, (text) => {
      all.push(...tasks.of(findService(view, text)));
      return Promise.resolve();
    });
    const listed = filtered(all, values.filter, FILTERS);
    const output = new TextOutput();
    if (values.quiet) {
      for (const { id } of listed) if (id !== '-') output.line(id);
    } else if (values.format === 'json') for (const row of listed) output.json(jsonOf(row, !values.trunc), 0);
    else if (listed.length > 0 || code === 0) {
      const rows = listed.map((row) => {
        const { name, netns, node, desired, state, ports } = row;
        const { id, error } = shortened(row, !values.trunc);
        return [id, name, netns, node, desired, state, error, ports];
      });
      dockerTable(output, HEADINGS, rows);
    }
    output.flush();
    return code;
  },
});

/** A line of `docker service ps --format '{{json .}}'`. */
function jsonOf(row: TaskRow, whole: boolean): object {
  const { id, error } = shortened(row, whole);
  return {
    ...{ CurrentState: row.state, DesiredState: row.desired, Error: error, ID: id, Image: '', Name: row.name },
    ...{ Node: row.node, Ports: row.ports, Netns: row.netns },
  };
}
