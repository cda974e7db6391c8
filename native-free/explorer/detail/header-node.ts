/** Headers as nodes, from their declared layouts: field by field, in wire order. */
import type { FieldValue, HeaderLayout } from '../../../src/wire/index.js';
import type { PacketNode } from './packet-node.js';

/** How a header's fields are shown. */
export interface HeaderStyle {
  /** What a field's number means: `6 (TCP)`. */
  readonly values?: Readonly<Record<string, (value: number) => string>>;
  /** Filter for a field. */
  readonly filters?: Readonly<Record<string, (value: number | string) => string>>;
  /** The header in a few words, from its fields as they are shown. */
  readonly summary?: (field: (name: string) => string) => string;
}

/** `0x1f90`, with a digit for every four bits. */
export function hex(value: number, bytes: number): string {
  return `0x${(value >>> 0).toString(16).padStart(2 * bytes, '0')}`;
}

const WORDS = new Map([
  ['ttl', 'TTL'],
  ['ihl', 'Header length'],
  ['dscp', 'DSCP'],
  ['ecn', 'ECN'],
  ['vni', 'VNI'],
  ['spi', 'SPI'],
  ['etherType', 'EtherType'],
  ['vlanId', 'VLAN ID'],
]);

/** `dontFragment` as `Don't fragment`. */
function labelOf(name: string): string {
  const known = WORDS.get(name);
  if (known !== undefined) return known;
  if (name.length <= 3 && name === name.toLowerCase()) return name.toUpperCase();
  const spaced = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const words = spaced.replace(/\b(ip|mac|icmp|id)\b/g, (word) => word.toUpperCase()).replace('dont', 'don’t');
  return words[0].toUpperCase() + words.slice(1);
}

function valueOf({ name, value, bits, from, to }: FieldValue, { values }: HeaderStyle): string {
  if (typeof value === 'string') return value;
  const shown = values?.[name];
  if (shown !== undefined) return shown(value);
  if (bits === 1) return value === 1 ? 'set' : 'not set';
  return /checksum|identification|reserved|flags/i.test(name) && bits === undefined
    ? hex(value, to - from)
    : String(value);
}

/** A header in a few words; empty if its style has none. */
export function summaryOf<Shape extends object>(
  layout: HeaderLayout<Shape>,
  bytes: Uint8Array,
  offset: number,
  style: HeaderStyle,
): string {
  if (style.summary === undefined) return '';
  const fields = layout.fieldsOf(bytes, offset);
  return style.summary((name) => {
    const field = fields.find((one) => one.name === name);
    return field === undefined ? '' : valueOf(field, style);
  });
}

/** The nodes of a header's fields. */
export function fieldNodes<Shape extends object>(
  layout: HeaderLayout<Shape>,
  bytes: Uint8Array,
  offset: number,
  buffer: number,
  style: HeaderStyle = {},
): PacketNode[] {
  return layout.fieldsOf(bytes, offset).map((field): PacketNode => {
    const filter = style.filters?.[field.name]?.(field.value);
    return {
      label: labelOf(field.name),
      value: valueOf(field, style),
      buffer,
      from: field.from,
      to: field.to,
      ...(filter === undefined ? {} : { filter }),
      children: [],
    };
  });
}
