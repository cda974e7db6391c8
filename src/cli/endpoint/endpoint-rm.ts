/** `vtep endpoint rm`. */
import { type EndpointRecord, findNetwork, type OverlayView, readOverlay, removeEndpoint } from '../../fleet/index.js';
import { OverlayError } from '../../overlay/index.js';
import { declare } from '../command.js';
import { Operand, option } from '../options/declared.js';
import { forEach } from '../options/each-operand.js';
import { STORE_OPTIONS, withStore } from '../options/store-option.js';
import { text } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';

/** @throws OverlayError `REFUSED` if there is none, more than one, or a load balancer */
function endpointOf(view: OverlayView, network: string, given: string): EndpointRecord {
  const { name } = findNetwork(view, network);
  const all = [...(view.networks.get(name)?.endpoints.values() ?? [])];
  const exact = all.filter((one) => one.name === given || one.id === given);
  const found = exact.length > 0 ? exact : all.filter(({ id }) => given !== '' && id.startsWith(given));
  if (found.length > 1) {
    throw new OverlayError(
      'REFUSED',
      `endpoint ${given} is ambiguous (${found.length} matches found): use its whole id`,
    );
  }
  if (found.length === 0) throw new OverlayError('REFUSED', `endpoint ${given} not found in network ${name}`);
  const [endpoint] = found;
  if (endpoint.kind === 'balancer') {
    throw new OverlayError('REFUSED', `${given} is the load balancer of ${endpoint.node}, which removes it itself`);
  }
  return endpoint;
}

/** `vtep endpoint rm ENDPOINT...`. */
export const endpointRmCommand = declare({
  usage: ['--network NETWORK ENDPOINT... [OPTIONS]'],
  description: ['Removes endpoints from a network of a store, and prints their names. Their addresses are free again.'],
  operand: new Operand('<ENDPOINT...>', 'an endpoint', 'name, id, or the beginning of an id', undefined),
  options: {
    network: option('--network NETWORK', 'name, id, or the beginning of an id', text).need(),
    ...STORE_OPTIONS,
  },
  examples: [
    ['vtep endpoint rm --network web probe', 'remove the endpoint probe of the network web'],
    ['vtep endpoint rm --network web c1 c2', 'two at once'],
  ],
  run: (values, names) =>
    withStore(values, async (store) => {
      const output = new TextOutput();
      const code = await forEach(names, async (name) => {
        const { network, id } = endpointOf(await readOverlay(store), values.network, name);
        await removeEndpoint(store, { name: network }, id);
        output.line(name);
      });
      output.flush();
      return code;
    }),
});
