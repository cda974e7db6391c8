/** `vtep service rm`. */
import { findService, readOverlay, removeService } from '../../fleet/index.js';
import { declare } from '../command.js';
import { Operand } from '../options/declared.js';
import { forEach } from '../options/each-operand.js';
import { STORE_OPTIONS, withStore } from '../options/store-option.js';
import { TextOutput } from '../text-output.js';

/** `vtep service rm SERVICE...`. */
export const serviceRmCommand = declare({
  usage: ['SERVICE... [OPTIONS]'],
  description: ['Removes services from a store, with their tasks, virtual IPs and ports, and prints their names.'],
  operand: new Operand('<SERVICE...>', 'a service', 'name, id, or the beginning of an id', undefined),
  options: { ...STORE_OPTIONS },
  examples: [
    ['vtep service rm --store nats://10.0.0.5/prod web', 'remove the service web'],
    ['vtep service rm web db', 'remove two, from a store that VTEP_STORE names'],
  ],
  run: (values, names) =>
    withStore(values, async (store) => {
      const output = new TextOutput();
      const code = await forEach(names, async (text) => {
        const view = await readOverlay(store);
        // One whose creation crashed has an entry and no record yet.
        const entry = view.ipam.services.find(({ name }) => name === text);
        await removeService(store, entry?.name ?? findService(view, text).name);
        output.line(text);
      });
      output.flush();
      return code;
    }),
});
