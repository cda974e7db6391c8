/** The options that say how packets off the wire are read, the same for every command that reads them. */
import type { IngressOptions } from '../dataplane/index.js';
import { VxlanReserved } from '../wire/index.js';
import { AEAD_HELP } from './aead-option.js';
import { oneOf, type ParsedArguments, wholeNumber } from './arguments.js';

/** For parseWords. */
export const INGRESS_OPTIONS = {
  port: { type: 'string' },
  vni: { type: 'string' },
  reserved: { type: 'string' },
  keys: { type: 'string', multiple: true },
  aead: { type: 'string' },
  'esp-sa': { type: 'string' },
} as const;

/** Lines of help about them. */
export const INGRESS_HELP = `  --keys FILE        opens ESP: the output of ip xfrm state, Wireshark's esp_sa, a key ring; may be said again
${AEAD_HELP}
  --esp-sa OUT       writes the SAs with their keys as Wireshark's esp_sa file, for its owner alone
  --vni N            only this network (0 to 16777215)
  --port N           UDP port of VXLAN; 4789 (docker swarm init --data-path-port changes it)
  --reserved WORD    reserved VXLAN bits: refuse (as Linux does; the default) or ignore (as RFC 7348 says)`;

/** The options' values. Throws UsageError. */
export function ingressOptions(parsed: ParsedArguments): IngressOptions {
  const vni = wholeNumber(parsed, 'vni', 0, 0xffffff);
  const port = wholeNumber(parsed, 'port', 1, 0xffff);
  const reserved = oneOf(parsed, 'reserved', ['refuse', 'ignore']);
  return {
    ...(vni === undefined ? {} : { vni }),
    ...(port === undefined ? {} : { port }),
    reserved: reserved === 'ignore' ? VxlanReserved.Ignore : VxlanReserved.Refuse,
  };
}
