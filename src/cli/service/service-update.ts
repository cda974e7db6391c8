/** `vtep service update`. */
import { findService, readOverlay, updateService } from '../../fleet/index.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { CONTROL_CONTEXT } from '../options/control-context.js';
import { flag, Operand, option, options } from '../options/declared.js';
import { STORE_OPTIONS, withStore } from '../options/store-option.js';
import { integer, keyValue, text } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';
import { MAX_REPLICAS } from './service-create.js';

/** `vtep service update SERVICE`. */
export const serviceUpdateCommand = declare({
  usage: ['SERVICE [OPTIONS]'],
  description: [
    'Changes a service of a store and prints its name. Routes of the HTTP mesh follow from labels: nodes take over others at ' +
      'once, and connections stay.',
  ],
  operand: new Operand('<SERVICE>', 'a service', 'name, id, or the beginning of an id', undefined),
  options: {
    labelAdd: options('--label-add KEY=VALUE', 'add a label, or change its value', keyValue),
    labelRm: options('--label-rm KEY', 'remove a label', text),
    replicas: option('--replicas N', 'how many tasks', integer(0, MAX_REPLICAS)).otherwise('as before'),
    detach: flag('-d, --detach', 'for commands written for Docker: no command waits for tasks'),
    ...STORE_OPTIONS,
  },
  examples: [
    [
      'vtep service update --store nats://10.0.0.5/prod --label-add com.docker.lb.hosts=app.test web',
      'a route of the HTTP mesh to the service web',
    ],
    ['vtep service update --label-rm com.docker.lb.hosts web', 'without it again, in a store that VTEP_STORE names'],
    ['vtep service update --replicas 5 web', 'five tasks, as vtep service scale web=5'],
  ],
  run: (values, [service]) =>
    withStore(values, async (store) => {
      const { replicas, labelAdd, labelRm } = values;
      const change = {
        addedLabels: Object.fromEntries(labelAdd),
        removedLabels: labelRm,
        ...(replicas !== undefined && { replicas }),
      };
      const { name } = findService(await readOverlay(store), service);
      await updateService(store, name, change, CONTROL_CONTEXT);
      const output = new TextOutput();
      output.line(service);
      output.flush();
      return ExitCode.Done;
    }),
});
