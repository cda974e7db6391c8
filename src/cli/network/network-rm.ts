/** `vtep network rm`. */
import { findNetwork, readOverlay, removeNetwork } from '../../fleet/index.js';
import { declare } from '../command.js';
import { Operand } from '../options/declared.js';
import { forEach } from '../options/each-operand.js';
import { STORE_OPTIONS, withStore } from '../options/store-option.js';
import { TextOutput } from '../text-output.js';

/** `vtep network rm NETWORK...`. */
export const networkRmCommand = declare({
  usage: ['NETWORK... [OPTIONS]'],
  description: ['Removes networks that nothing uses from a store, and prints their names.'],
  operand: new Operand('<NETWORK...>', 'a network', 'name, id, or the beginning of an id', undefined),
  options: { ...STORE_OPTIONS },
  examples: [
    ['vtep network rm --store nats://10.0.0.5/prod web', 'remove the network web'],
    ['vtep network rm web db', 'remove two, from a store that VTEP_STORE names'],
  ],
  run: (values, names) =>
    withStore(values, async (store) => {
      const output = new TextOutput();
      const code = await forEach(names, async (text) => {
        const view = await readOverlay(store);
        // One whose creation crashed has an entry and no record yet.
        const entry = view.ipam.networks.find(({ name }) => name === text);
        await removeNetwork(store, entry?.name ?? findNetwork(view, text).name);
        output.line(text);
      });
      output.flush();
      return code;
    }),
});
