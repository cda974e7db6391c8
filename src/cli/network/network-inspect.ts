/** `vtep network inspect`. */
import { findNetwork, readOverlay } from '../../fleet/index.js';
import { declare } from '../command.js';
import { DOCKER_INDENT } from '../docker-table.js';
import { flag, Operand } from '../options/declared.js';
import { forEach } from '../options/each-operand.js';
import { STORE_OPTIONS, withStore } from '../options/store-option.js';
import { TextOutput } from '../text-output.js';
import { inspectedNetwork } from './inspected-network.js';

/** `vtep network inspect NETWORK...`. */
export const networkInspectCommand = declare({
  usage: ['NETWORK... [OPTIONS]'],
  description: [
    'Shows networks of a store as docker network inspect does: a JSON array, with the same members in the same order. ' +
      'Containers are those of all nodes.',
  ],
  operand: new Operand('<NETWORK...>', 'a network', 'name, id, or the beginning of an id', undefined),
  options: { verbose: flag('-v, --verbose', 'with services, their VIPs and tasks'), ...STORE_OPTIONS },
  examples: [
    ['vtep network inspect --store nats://10.0.0.5/prod web', 'subnet, VNI, endpoints and peers'],
    ["vtep network inspect --verbose web | jq '.[0].Services'", 'its services, from a store that VTEP_STORE names'],
  ],
  async run(values, names) {
    const view = await withStore(values, readOverlay);
    const shown: object[] = [];
    const code = await forEach(names, (text) => {
      shown.push(inspectedNetwork(view, findNetwork(view, text), values.verbose));
      return Promise.resolve();
    });
    const output = new TextOutput();
    output.json(shown, DOCKER_INDENT);
    output.flush();
    return code;
  },
});
