/** The options that say how packets off the wire are read, the same for every command that reads them. */
import type { UnderlayDecoderOptions } from '../dataplane/index.js';
import { VxlanReserved } from '../wire/index.js';
import { AEAD_HELP } from './aead-option.js';
import { oneOf, type ParsedArguments, UsageError, wholeNumber } from './arguments.js';

/** For parseWords. */
export const UNDERLAY_DECODER_OPTIONS = {
  port: { type: 'string', multiple: true },
  vni: { type: 'string' },
  reserved: { type: 'string' },
  keys: { type: 'string', multiple: true },
  aead: { type: 'string' },
  'esp-sa': { type: 'string' },
} as const;

/** Each packet to none of them is compared with all. */
const MAX_PORTS = 16;

/** Lines of help about them. */
export const UNDERLAY_DECODER_HELP = `  --keys FILE        opens ESP: the output of ip xfrm state, Wireshark's esp_sa, a key ring; may be said again
${AEAD_HELP}
  --esp-sa OUT       writes the SAs with their keys as Wireshark's esp_sa file, for its owner alone
  --vni N            only this network (0 to 16777215); packets of others are filtered, and counted
  --port N           UDP port of VXLAN. Default: 4789 (docker swarm init --data-path-port changes it; 8472 is flannel's);
                     may be repeated: --port 4789 --port 8472
  --reserved WORD    reserved VXLAN bits: refuse (as Linux does; the default) or ignore (as RFC 7348 says)`;

/** The options' values. Throws UsageError. */
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
 * The UDP ports of VXLAN that `--port` gives, each once.
 * @returns undefined if none is given
 * @throws UsageError for anything but ports
 */
export function portOption(parsed: ParsedArguments): readonly number[] | undefined {
  const given = parsed.values['port'];
  if (!Array.isArray(given)) return undefined;
  const ports = new Set<number>();
  for (const text of given as readonly string[]) {
    const port = wholeNumber({ ...parsed, values: { port: text } }, 'port', 1, 0xffff);
    if (port !== undefined) ports.add(port);
  }
  if (ports.size > MAX_PORTS) throw new UsageError(`--port takes ${MAX_PORTS} different ports at most`);
  return [...ports];
}
