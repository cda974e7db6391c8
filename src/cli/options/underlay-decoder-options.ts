/** The options shared by all commands that decode packets from the wire. */
import type { UnderlayDecoderOptions } from '../../dataplane/index.js';
import { VxlanReserved } from '../../wire/index.js';
import { AEAD_HELP } from './aead-option.js';
import { oneOf, type ParsedArguments, UsageError, wholeNumber } from '../arguments.js';

/** For parseWords. */
export const UNDERLAY_DECODER_OPTIONS = {
  port: { type: 'string', multiple: true },
  vni: { type: 'string' },
  reserved: { type: 'string' },
  keys: { type: 'string', multiple: true },
  aead: { type: 'string' },
  'esp-sa': { type: 'string' },
} as const;

/** Bounded, since a packet to any other port is compared with all of them. */
const MAX_PORTS = 16;

/** Their lines in the help text. */
export const UNDERLAY_DECODER_HELP = `  --keys FILE        decrypts ESP: output of ip xfrm state, Wireshark's esp_sa,
                     or a key ring; may be repeated
${AEAD_HELP}
  --esp-sa OUT       writes the SAs and their keys as a Wireshark esp_sa file
                     that only its owner can read
  --vni N            only this network (0 to 16777215); packets of others are
                     counted as filtered
  --port N           UDP port of VXLAN. Default: 4789 (docker swarm init
                     --data-path-port changes it; flannel uses 8472); may be
                     repeated: --port 4789 --port 8472
  --reserved MODE    packets with reserved VXLAN bits set: refuse (as Linux
                     does) or ignore the bits (RFC 7348). Default: refuse`;

/**
 * The options' values.
 * @throws UsageError
 */
export function underlayDecoderOptions(parsed: ParsedArguments): UnderlayDecoderOptions {
  const vni = wholeNumber(parsed, 'vni', 0, 0xffffff);
  const port = portOption(parsed);
  const reserved = oneOf(parsed, 'reserved', ['refuse', 'ignore']);
  return {
    ...(vni === undefined ? {} : { vni }),
    ...(port === undefined ? {} : { port }),
    reserved: reserved === 'ignore' ? VxlanReserved.Ignore : VxlanReserved.Refuse,
  };
}

/**
 * The distinct UDP ports of VXLAN that `--port` names.
 * @returns undefined without the option
 * @throws UsageError for invalid ports, or too many
 */
export function portOption(parsed: ParsedArguments): readonly number[] | undefined {
  const given = parsed.values['port'];
  if (!Array.isArray(given)) return undefined;
  const ports = new Set<number>();
  for (const text of given as readonly string[]) {
    const port = wholeNumber({ ...parsed, values: { port: text } }, 'port', 1, 0xffff);
    if (port !== undefined) ports.add(port);
  }
  if (ports.size > MAX_PORTS) throw new UsageError(`--port takes at most ${MAX_PORTS} different ports`);
  return [...ports];
}
