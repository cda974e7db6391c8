/** `vtep service inspect`. */
import { findService, readOverlay, recordKey } from '../../fleet/index.js';
import { declare } from '../command.js';
import { Operand } from '../options/declared.js';
import { DOCKER_INDENT } from '../docker-table.js';
import { forEach } from '../options/each-operand.js';
import { STORE_OPTIONS, withStore } from '../options/store-option.js';
import { TextOutput } from '../text-output.js';
import { inspectedService } from './inspected-service.js';

/** `vtep service inspect SERVICE...`. */
export const serviceInspectCommand = declare({
  usage: ['SERVICE... [OPTIONS]'],
  description: [
    'Shows services of a store as docker service inspect does: a JSON array, with the same members in the same order, ' +
      'except those about containers and updates.',
  ],
  operand: new Operand('<SERVICE...>', 'a service', 'name, id, or the beginning of an id', undefined),
  options: { ...STORE_OPTIONS },
  examples: [
    ['vtep service inspect --store nats://10.0.0.5/prod web', 'what it asks for, its virtual IPs and ports'],
    [
      "vtep service inspect web | jq -r '.[0].Endpoint.VirtualIPs[].Addr'",
      'its virtual IPs, from a store that VTEP_STORE names',
    ],
  ],
  run: (values, names) =>
    withStore(values, async (store) => {
      const view = await readOverlay(store);
      const shown: object[] = [];
      const code = await forEach(names, async (text) => {
        const record = findService(view, text);
        const held = await store.get(recordKey({ kind: 'service', record }));
        shown.push(inspectedService(view, record, held?.revision ?? view.revision));
      });
      const output = new TextOutput();
      output.json(shown, DOCKER_INDENT);
      output.flush();
      return code;
    }),
});
