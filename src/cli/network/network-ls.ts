/** `vtep network ls`. */
import { type NetworkRecord, readOverlay } from '../../fleet/index.js';
import { declare } from '../command.js';
import { byName, dockerTable, shortId } from '../docker-table.js';
import { ExitCode } from '../exit-code.js';
import { flag, option } from '../options/declared.js';
import { filtered, filterOption, type FilterTest, hasLabel } from '../options/filters.js';
import { STORE_OPTIONS, withStore } from '../options/store-option.js';
import { choice } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';

const FILTERS: Readonly<Record<string, FilterTest<NetworkRecord>>> = {
  id: ({ id }, value) => id.includes(value),
  name: ({ name }, value) => name.includes(value),
  label: ({ labels }, value) => hasLabel(labels, value),
};

/** A line of `docker network ls --format json`. */
function jsonOf({ id, name, created, internal, subnets, labels }: NetworkRecord, whole: boolean): object {
  return {
    CreatedAt: created.replace('T', ' ').replace('Z', ' +0000 UTC'),
    Driver: 'overlay',
    ID: shortId(id, whole),
    IPv6: String(subnets.some(({ subnet }) => subnet.includes(':'))),
    Internal: String(internal),
    Labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    Name: name,
    Scope: 'swarm',
  };
}

/** `vtep network ls`. */
export const networkLsCommand = declare({
  usage: ['[OPTIONS]'],
  description: ['Lists the networks of a store.'],
  options: {
    filter: filterOption(...Object.keys(FILTERS)),
    quiet: flag('-q, --quiet', 'print only ids'),
    format: option('--format FORMAT', 'table, or json for an object per line', choice('table', 'json')).or('table'),
    // Commander's default of a negated option is true.
    trunc: flag('--no-trunc', 'print whole ids'),
    ...STORE_OPTIONS,
  },
  examples: [
    ['vtep network ls --store nats://10.0.0.5/prod', 'the networks'],
    ['vtep network ls --format json | jq -r .Name', 'their names, from a store that VTEP_STORE names'],
  ],
  async run(values) {
    const { networks } = await withStore(values, readOverlay);
    const all = [...networks.values()].flatMap(({ record }) => (record === undefined ? [] : [record]));
    const records = filtered(all, values.filter, FILTERS).toSorted(byName);
    const output = new TextOutput();
    if (values.quiet) for (const { id } of records) output.line(shortId(id, !values.trunc));
    else if (values.format === 'json') for (const record of records) output.json(jsonOf(record, !values.trunc), 0);
    else {
      const rows = records.map(({ id, name }) => [shortId(id, !values.trunc), name, 'overlay', 'swarm']);
      dockerTable(output, ['NETWORK ID', 'NAME', 'DRIVER', 'SCOPE'], rows);
    }
    output.flush();
    return ExitCode.Done;
  },
});
