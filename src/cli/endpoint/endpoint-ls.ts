/** `vtep endpoint ls`. */
import { type EndpointRecord, readOverlay } from '../../fleet/index.js';
import { declare } from '../command.js';
import { dockerTable, shortId } from '../docker-table.js';
import { ExitCode } from '../exit-code.js';
import { flag, option } from '../options/declared.js';
import { STORE_OPTIONS, withStore } from '../options/store-option.js';
import { choice, text } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';

const HEADINGS = ['ENDPOINT ID', 'NAME', 'NETWORK', 'NODE', 'ADDRESS', 'STATE'];

function stateOf({ running, node }: EndpointRecord, nodes: ReadonlySet<string>): string {
  if (!nodes.has(node)) return 'node down';
  return running ? 'running' : 'pending';
}

/** `vtep endpoint ls`. */
export const endpointLsCommand = declare({
  usage: ['[OPTIONS]'],
  description: [
    'Lists the endpoints of a store, with those of load balancers and tasks. One is running when its node has its interface.',
  ],
  options: {
    network: option('--network NETWORK', 'only those of this network', text),
    node: option('--node NODE', 'only those of this node', text),
    quiet: flag('-q, --quiet', 'print only ids'),
    format: option('--format FORMAT', 'table, or json for an object per line', choice('table', 'json')).or('table'),
    trunc: flag('--no-trunc', 'print whole ids'),
    ...STORE_OPTIONS,
  },
  examples: [
    ['vtep endpoint ls --store nats://10.0.0.5/prod', 'all endpoints'],
    [
      'vtep endpoint ls --network web --node node1',
      'those of one network and node, from a store that VTEP_STORE names',
    ],
  ],
  async run(values) {
    const view = await withStore(values, readOverlay);
    const nodes = new Set(view.nodes.keys());
    const listed = [...view.networks.values()]
      .flatMap(({ endpoints }) => [...endpoints.values()])
      .filter(({ network }) => values.network === undefined || network === values.network)
      .filter(({ node }) => values.node === undefined || node === values.node);
    const output = new TextOutput();
    if (values.quiet) for (const { id } of listed) output.line(shortId(id, !values.trunc));
    else if (values.format === 'json') for (const record of listed) output.json(record, 0);
    else {
      const rows = listed.map((record) => [
        shortId(record.id, !values.trunc),
        ...[record.name, record.network, record.node, record.ip ?? '', stateOf(record, nodes)],
      ]);
      dockerTable(output, HEADINGS, rows);
    }
    output.flush();
    return ExitCode.Done;
  },
});
