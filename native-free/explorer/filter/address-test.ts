/** Compares addresses: once for every flow and tunnel, so that a packet costs two look-ups. */
import { OverlayError, parsePrefix, type Prefix, prefixContains } from '../../../src/overlay/index.js';
import { parseIpv4, parseIpv6 } from '../../../src/wire/index.js';
import type { IndexTables } from '../index/capture-index.js';
import { NO_ID, type PacketPart } from '../index/packet-columns.js';
import { flowOf, type Predicate, senderOf } from './column-readers.js';
import type { AddressField } from './fields.js';
import { FilterError } from './filter-error.js';
import type { Token } from './tokens.js';

const SOURCE = 1;
const DESTINATION = 2;

/**
 * The prefix that a value stands for: an address is one of full length.
 * @throws FilterError
 */
export function prefixOf({ text, from, to }: Token, { name, family }: AddressField): Prefix {
  let prefix: Prefix;
  try {
    prefix = text.includes('/') ? parsePrefix(text) : wholeAddress(text);
  } catch (error) {
    const why = error instanceof OverlayError ? error.message : `not an address: ${JSON.stringify(text)}`;
    throw new FilterError(`${name}: ${why}`, from, to);
  }
  const version = prefix.address.length === 4 ? 4 : 6;
  if (family !== 0 && version !== family) {
    throw new FilterError(`${name}: ${JSON.stringify(text)} is IPv${version}; ${name} is IPv${family}`, from, to);
  }
  return prefix;
}

function wholeAddress(text: string): Prefix {
  const address = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  return { address, length: 8 * address.length };
}

/** Which of its two addresses satisfy a condition, by flow: bits `SOURCE` for the first address, `DESTINATION` for the second. */
function flowsWith({ flows }: IndexTables, holds: (address: Uint8Array) => boolean): Uint8Array {
  const found = new Uint8Array(flows.count);
  for (let id = 0; id < flows.count; id++) {
    const bytes = flows.family[id] === 4 ? 4 : 16;
    const at = 32 * id;
    if (holds(flows.address.subarray(at, at + bytes))) found[id] |= SOURCE;
    if (holds(flows.address.subarray(at + 16, at + 16 + bytes))) found[id] |= DESTINATION;
  }
  return found;
}

function tunnelsWith({ tunnels }: IndexTables, holds: (address: Uint8Array) => boolean): Uint8Array {
  return Uint8Array.from(
    tunnels,
    ({ source, destination }) =>
      (holds(wholeAddress(source).address) ? SOURCE : 0) | (holds(wholeAddress(destination).address) ? DESTINATION : 0),
  );
}

/**
 * A test of a packet's addresses.
 * @param prefixes any of which an address must be in; undefined: any address of the field's family
 */
export function addressTest(
  tables: IndexTables,
  field: AddressField,
  prefixes: readonly Prefix[] | undefined,
): Predicate {
  const { family, layer, side } = field;
  const holds = (address: Uint8Array): boolean =>
    (family === 0 || (address.length === 4) === (family === 4)) &&
    (prefixes === undefined ||
      prefixes.some((prefix) => prefix.address.length === address.length && prefixContains(prefix, address)));
  const flows = layer === 'outer' ? new Uint8Array(0) : flowsWith(tables, holds);
  const tunnels = layer === 'inner' ? new Uint8Array(0) : tunnelsWith(tables, holds);
  const wanted = side === 'source' ? SOURCE : side === 'destination' ? DESTINATION : SOURCE | DESTINATION;
  const inFlow = (part: PacketPart, i: number): boolean => {
    const flow = flowOf(part, i);
    if (flow < 0 || flow >= flows.length) return false;
    const bits = flows[flow];
    const directed = senderOf(part, i) === 0 ? bits : ((bits & SOURCE) << 1) | (bits >>> 1);
    return (directed & wanted) !== 0;
  };
  const inTunnel = (part: PacketPart, i: number): boolean => {
    const id = part.tunnel[i];
    return id !== NO_ID && id < tunnels.length && (tunnels[id] & wanted) !== 0;
  };
  if (layer === 'outer') return inTunnel;
  if (layer === 'inner') return (part, i) => part.inner[i] > 0 && inFlow(part, i);
  return (part, i) => inFlow(part, i) || inTunnel(part, i);
}
