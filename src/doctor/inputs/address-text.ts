/** Addresses of outputs in the form that findings compare. */
import { formatAddress, parseIp } from '../../overlay/index.js';
import { VtepError } from '../../error.js';

/** Longest text of an IPv6 address. */
const MAX_LENGTH = 45;
const MAC = /^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$/i;

/**
 * An address as `formatAddress` writes it; undefined if it is none.
 * @param text an address, also with a prefix length (`10.0.9.3/24`) or a zone (`fe80::1%eth0`)
 */
export function addressOf(text: string): string | undefined {
  const [bare] = text.slice(0, MAX_LENGTH + 20).split(/[/%]/, 1);
  if (bare.length > MAX_LENGTH || !/^[0-9a-f]*[.:][0-9a-f.:]*$/i.test(bare)) return undefined;
  try {
    return formatAddress(parseIp(bare));
  } catch (error) {
    if (error instanceof VtepError) return undefined;
    throw error;
  }
}

/** An address with its prefix length, as far as it has one: `10.0.9.3/24`; undefined if it is none. */
export function prefixOf(text: string): string | undefined {
  const address = addressOf(text);
  const length = /^[^/]*\/(\d{1,3})$/.exec(text)?.[1];
  if (address === undefined || (length !== undefined && Number(length) > 128)) return undefined;
  return length === undefined ? address : `${address}/${Number(length)}`;
}

/** A MAC in lower case with colons; undefined if it is none. */
export function macOf(text: string): string | undefined {
  return MAC.test(text) ? text.toLowerCase().replaceAll('-', ':') : undefined;
}

/** An address and a port: `10.0.9.3:80`, `[fd00::3]:80`; undefined if it is none. */
export function socketAddressOf(text: string): { readonly address: string; readonly port: number } | undefined {
  const match = /^(?:\[([^\]]{1,64})\]|([^:]{1,64})):(\d{1,5})$/.exec(text);
  const address = addressOf(match?.[1] ?? match?.[2] ?? '');
  return match === null || address === undefined ? undefined : { address, port: Number(match[3]) };
}
