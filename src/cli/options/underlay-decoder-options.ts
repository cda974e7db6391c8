/** The options shared by all commands that decode packets from the wire. */
import type { UnderlayDecoderOptions } from '../../dataplane/index.js';
import { VxlanReserved } from '../../wire/index.js';
import { UsageError } from '../usage-error.js';
import { aeadDeclared } from './aead-option.js';
import { option, options } from './declared.js';
import { choice, file, integer } from './value-kinds.js';

/** Bounded, since a packet to any other port is compared with all of them. */
const MAX_PORTS = 16;

/** `--keys FILE`. */
export const keysDeclared = options(
  '--keys FILE',
  "keys to decrypt ESP: output of ip xfrm state, Wireshark's esp_sa, or a key ring; lines of Swarm's store also have keys of its gossip",
  file,
);

/** `--port N`. */
export const portDeclared = options(
  '--port N',
  'UDP port of VXLAN; docker swarm init --data-path-port changes it, flannel uses 8472',
  integer(1, 0xffff),
).otherwise('4789');

/** The options. */
export const UNDERLAY_DECODER_OPTIONS = {
  keys: keysDeclared,
  aead: aeadDeclared,
  espSa: option(
    '--esp-sa OUT',
    'write the SAs and their keys as a Wireshark esp_sa file that only its owner can read',
    file,
  ),
  vni: option(
    '--vni N',
    'only this network, 0 to 16777215; packets of others are counted as filtered',
    integer(0, 0xffffff),
  ),
  port: portDeclared,
  reserved: option(
    '--reserved MODE',
    'packets with reserved VXLAN bits set: refuse them as Linux does, or ignore the bits as RFC 7348 says',
    choice('refuse', 'ignore'),
  ).otherwise('refuse'),
};

/** Values of those that matter to a decoder. */
interface Given {
  readonly port: readonly number[];
  readonly vni?: number | undefined;
  readonly reserved?: 'refuse' | 'ignore' | undefined;
}

/**
 * A decoder's options.
 * @throws UsageError
 */
export function underlayDecoderOptions({ vni, port, reserved }: Given): UnderlayDecoderOptions {
  const ports = portOption(port);
  return {
    ...(vni === undefined ? {} : { vni }),
    ...(ports === undefined ? {} : { port: ports }),
    reserved: reserved === 'ignore' ? VxlanReserved.Ignore : VxlanReserved.Refuse,
  };
}

/**
 * The distinct UDP ports of VXLAN that `--port` names.
 * @returns undefined without the option
 * @throws UsageError for too many
 */
export function portOption(given: readonly number[]): readonly number[] | undefined {
  const ports = [...new Set(given)];
  if (ports.length > MAX_PORTS) throw new UsageError(`--port takes at most ${MAX_PORTS} different ports`);
  return ports.length === 0 ? undefined : ports;
}
