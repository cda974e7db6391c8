/** `vtep service scale`. */
import { findService, readOverlay, scaleService } from '../../fleet/index.js';
import { declare } from '../command.js';
import { CONTROL_CONTEXT } from '../options/control-context.js';
import { flag, Operand } from '../options/declared.js';
import { forEach } from '../options/each-operand.js';
import { STORE_OPTIONS, withStore } from '../options/store-option.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { MAX_REPLICAS } from './service-create.js';
import { scaleOf } from './service-options.js';

/** @throws UsageError in Docker's words */
function replicasOf(service: string, given: string): number {
  const replicas = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
  if (replicas >= 0 && replicas <= MAX_REPLICAS) return replicas;
  throw new UsageError(`${service}: invalid replicas value ${given}: it takes 0 to ${MAX_REPLICAS}`);
}

/** `vtep service scale SERVICE=REPLICAS...`. */
export const serviceScaleCommand = declare({
  usage: ['SERVICE=REPLICAS... [OPTIONS]'],
  description: [
    'Changes how many tasks replicated services have. Fewer: those that run nowhere go first, then those of the nodes ' +
      'with the most.',
  ],
  operand: new Operand('<SERVICE=REPLICAS...>', 'a service and a number', 'name or id, and how many tasks', undefined),
  options: {
    detach: flag('-d, --detach', 'for commands written for Docker: no command waits for tasks'),
    ...STORE_OPTIONS,
  },
  examples: [
    ['vtep service scale --store nats://10.0.0.5/prod web=5', 'five tasks of web'],
    ['vtep service scale web=3 db=2', 'two services, in a store that VTEP_STORE names'],
  ],
  run(values, operands) {
    // All are checked before the first is carried out.
    operands.forEach(scaleOf);
    return withStore(values, async (store) => {
      const output = new TextOutput();
      const code = await forEach(operands, async (operand) => {
        const { service, replicas: given } = scaleOf(operand);
        const replicas = replicasOf(service, given);
        await scaleService(store, findService(await readOverlay(store), service).name, replicas, CONTROL_CONTEXT);
        output.line(`${service} scaled to ${replicas}`);
      });
      output.flush();
      return code;
    });
  },
});
