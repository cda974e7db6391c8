/** `vtep endpoint create`. */
import { createEndpoint, findNetwork, newId, readOverlay } from '../../fleet/index.js';
import { formatAddress } from '../../overlay/index.js';
import { INTERFACE_NAME_RULE, isInterfaceName } from '../../overlay/internal.js';
import { formatMac, parseMac } from '../../wire/index.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { ipAddress } from '../network/subnet-options.js';
import { CONTROL_CONTEXT } from '../options/control-context.js';
import { Operand, option, options } from '../options/declared.js';
import { STORE_OPTIONS, withStore } from '../options/store-option.js';
import { file, text, type ValueKind } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';

const interfaceName: ValueKind<string> = {
  read(given, name) {
    if (!isInterfaceName(given)) throw new UsageError(`${name}: ${INTERFACE_NAME_RULE}`);
    return given;
  },
};

const macText: ValueKind<string> = {
  read(given, name) {
    try {
      return formatMac(parseMac(given));
    } catch {
      throw new UsageError(`${name} takes a MAC address, such as 02:42:0a:00:09:03`);
    }
  },
};

/** `vtep endpoint create NAME`. */
export const endpointCreateCommand = declare({
  usage: ['--network NETWORK --node NODE [OPTIONS] NAME'],
  description: [
    'Creates an interface in a network, on a node of the store, and prints its id. It gets the next address of the ' +
      'network, as Docker gives them out. The node makes a TAP device as soon as it knows.',
  ],
  operand: new Operand('<NAME>', 'a name', 'name of the endpoint, also in DNS', undefined),
  options: {
    network: option('--network NETWORK', 'name, id, or the beginning of an id', text).need(),
    node: option('--node NODE', 'the node that has the interface', text).need(),
    ip: option('--ip IP', 'its address', ipAddress).otherwise('the next free one'),
    macAddress: option('--mac-address MAC', 'its MAC', macText).otherwise('02:42 and its address'),
    alias: options('--alias NAME', 'a further name in DNS', text),
    device: option('--device NAME', 'name of the interface', interfaceName).otherwise('NAME'),
    netns: option('--netns NAME', 'network namespace of the interface: an ip netns name, or a path', file).otherwise(
      "the host's",
    ),
    ...STORE_OPTIONS,
  },
  examples: [
    [
      'vtep endpoint create --store nats://10.0.0.5/prod --network web --node node1 probe',
      'the interface probe in the network web, on node1',
    ],
    [
      'vtep endpoint create --network web --node node2 --netns c1 --device eth0 c1',
      'in the network namespace c1, from a store that VTEP_STORE names',
    ],
  ],
  async run(values, [name]) {
    const { node, alias: aliases, device, netns, macAddress: mac } = values;
    const ip = values.ip === undefined ? undefined : formatAddress(values.ip);
    const { id } = await withStore(values, async (store) => {
      const network = findNetwork(await readOverlay(store), values.network);
      return createEndpoint(store, {
        ...{ network, id: newId(CONTROL_CONTEXT.random), kind: 'container', name, node, aliases },
        created: new Date(CONTROL_CONTEXT.now()).toISOString(),
        ...(ip === undefined ? {} : { ip }),
        ...(mac === undefined ? {} : { mac }),
        ...(device === undefined ? {} : { device }),
        ...(netns === undefined ? {} : { netns }),
      });
    });
    const output = new TextOutput();
    output.line(id);
    output.flush();
    return ExitCode.Done;
  },
});
