/** `vtep node ls`. */
import { type OverlayView, readOverlay } from '../../fleet/index.js';
import { declare } from '../command.js';
import { dockerTable } from '../docker-table.js';
import { ExitCode } from '../exit-code.js';
import { flag, option } from '../options/declared.js';
import { filtered, filterOption, type FilterTest } from '../options/filters.js';
import { STORE_OPTIONS, withStore } from '../options/store-option.js';
import { choice } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';

const HEADINGS = ['ID', 'HOSTNAME', 'STATUS', 'AVAILABILITY', 'MANAGER STATUS', 'VTEP ADDRESS'];

/** A line of `docker node ls`. */
interface NodeRow {
  readonly name: string;
  readonly status: 'Ready' | 'Down';
  readonly manager: 'Leader' | 'Reachable' | '';
  readonly vtep: string;
}

const FILTERS: Readonly<Record<string, FilterTest<NodeRow>>> = {
  id: ({ name }, value) => name.startsWith(value),
  name: ({ name }, value) => name.startsWith(value),
};

/** The nodes that renew their leases, and those that don't and have endpoints all the same. */
export function nodeRows({ nodes, networks, leader }: OverlayView): NodeRow[] {
  const known = [...nodes.values()].map(({ name, vtep }): NodeRow => {
    return { name, status: 'Ready', manager: name === leader ? 'Leader' : 'Reachable', vtep };
  });
  const used = new Set(
    [...networks.values()].flatMap(({ endpoints }) => [...endpoints.values()].map(({ node }) => node)),
  );
  const gone = [...used].filter((name) => !nodes.has(name));
  return [...known, ...gone.map((name): NodeRow => ({ name, status: 'Down', manager: '', vtep: '' }))].toSorted(
    (a, b) => (a.name < b.name ? -1 : 1),
  );
}

/** `vtep node ls`. */
export const nodeLsCommand = declare({
  usage: ['[OPTIONS]'],
  description: [
    'Lists the nodes of a store: those that renew their leases (Ready), and those that have endpoints and no lease ' +
      '(Down). Any node can lead; the one that does is marked. The id of a node is its name.',
  ],
  options: {
    filter: filterOption(...Object.keys(FILTERS)),
    quiet: flag('-q, --quiet', 'print only ids'),
    format: option('--format FORMAT', 'table, or json for an object per line', choice('table', 'json')).or('table'),
    ...STORE_OPTIONS,
  },
  examples: [
    ['vtep node ls --store nats://10.0.0.5/prod', 'the nodes'],
    ['vtep node ls --format json | jq .Hostname', 'for a program, in a store that VTEP_STORE names'],
  ],
  async run(values) {
    const rows = filtered(nodeRows(await withStore(values, readOverlay)), values.filter, FILTERS);
    const output = new TextOutput();
    if (values.quiet) for (const { name } of rows) output.line(name);
    else if (values.format === 'json') {
      for (const { name, status, manager, vtep } of rows) {
        output.json(
          {
            ...{ Availability: 'Active', Hostname: name, ID: name, ManagerStatus: manager, Status: status },
            VtepAddress: vtep,
          },
          0,
        );
      }
    } else {
      const cells = rows.map(({ name, status, manager, vtep }) => [name, name, status, 'Active', manager, vtep]);
      dockerTable(output, HEADINGS, cells);
    }
    output.flush();
    return ExitCode.Done;
  },
});
