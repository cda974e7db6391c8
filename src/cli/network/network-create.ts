/** `vtep network create`. */
import { createNetwork } from '../../fleet/index.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { CONTROL_CONTEXT } from '../options/control-context.js';
import { flag, Operand, option, options } from '../options/declared.js';
import { STORE_OPTIONS, withNewStore } from '../options/store-option.js';
import { choice, keyValue } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';
import { ipAddress, subnet, subnetRequests } from './subnet-options.js';

/** `vtep network create NAME`. */
export const networkCreateCommand = declare({
  usage: ['[OPTIONS] NAME'],
  description: [
    'Creates an overlay network in a store and prints its id. It gets a VNI from 4096 on, and unless it names a subnet, ' +
      'a /24 of 10.0.0.0/8. What Docker refuses is refused in its words.',
  ],
  operand: new Operand('<NAME>', 'a name', 'name of the network', undefined),
  options: {
    driver: option('-d, --driver DRIVER', 'kind of network', choice('overlay')).or('overlay'),
    subnet: options('--subnet SUBNET', 'its subnet, such as 10.0.9.0/24', subnet),
    ipRange: options('--ip-range SUBNET', 'the part of the subnet that addresses come from', subnet),
    gateway: options('--gateway IP', "the gateway's address", ipAddress),
    opt: options(
      '-o, --opt KEY=VALUE',
      "option of the driver: encrypted, com.docker.network.driver.mtu=N, or another of Docker's",
      keyValue,
    ),
    attachable: flag('--attachable', 'containers that belong to no service may join (vtep endpoint create)'),
    internal: flag('--internal', 'its containers have no route out of it'),
    ingress: flag('--ingress', 'it carries the connections to published ports'),
    label: options('--label KEY=VALUE', 'a label', keyValue),
    ...STORE_OPTIONS,
  },
  examples: [
    ['vtep network create --store nats://10.0.0.5/prod --attachable web', 'a network that containers can join'],
    ['vtep network create --opt encrypted --subnet 10.0.9.0/24 web', 'encrypted, in a store that VTEP_STORE names'],
  ],
  async run(values, [name]) {
    const { opt, label, attachable, internal, ingress } = values;
    const request = {
      ...{ name, attachable, internal, ingress },
      subnets: subnetRequests(values.subnet, values.ipRange, values.gateway),
      options: Object.fromEntries(opt),
      labels: Object.fromEntries(label),
    };
    const { id } = await withNewStore(values, (store) => createNetwork(store, request, CONTROL_CONTEXT));
    const output = new TextOutput();
    output.line(id);
    output.flush();
    return ExitCode.Done;
  },
});
