/** Rows of `bridge fdb` and `ip neigh`. */
import { type FdbRowText, fdbTextRows, type NeighbourRowText, neighbourTextRows } from '../../../overlay/internal.js';
import type { FdbRow, NeighbourRow } from '../../evidence/kernel.js';
import { addressOf, macOf } from '../address-text.js';
import { keptText, placeIn, type Source } from '../source.js';

const MAX_VNI = 0xffffff;

/** The forwarding entries of a source. */
export function* parseFdb(source: Source): Generator<FdbRow, void> {
  for (const row of fdbTextRows(source.text)) {
    const found = fdbRow(source, row);
    if (found !== undefined) yield found;
  }
}

/** The neighbour entries of a source. */
export function* parseNeighbours(source: Source): Generator<NeighbourRow, void> {
  for (const row of neighbourTextRows(source.text)) {
    const found = neighbourRow(source, row);
    if (found !== undefined) yield found;
  }
}

/** A forwarding entry; undefined, with a warning, if an address in it is damaged. */
export function fdbRow(source: Source, row: FdbRowText): FdbRow | undefined {
  const mac = macOf(row.mac);
  const destination = row.dst === undefined ? '' : addressOf(row.dst);
  if (mac === undefined || destination === undefined) {
    source.warn(`an entry of bridge fdb without a valid ${mac === undefined ? 'MAC' : 'dst'}: skipped`, row.line);
    return undefined;
  }
  const vni = row.vni !== undefined && /^\d{1,8}$/.test(row.vni) ? Number(row.vni) : undefined;
  return {
    place: placeIn(source, row.line),
    mac,
    device: keptText(row.device),
    destination,
    vni: vni !== undefined && vni <= MAX_VNI ? vni : undefined,
    self: row.self,
    master: row.master,
    permanent: row.permanent,
    learned: !row.permanent && !row.external,
  };
}

/** A neighbour entry; undefined, with a warning, if an address in it is damaged. */
export function neighbourRow(source: Source, row: NeighbourRowText): NeighbourRow | undefined {
  const address = addressOf(row.ip);
  const mac = row.mac === undefined ? '' : macOf(row.mac);
  // Other kinds of devices have link-layer addresses of other lengths.
  const isOther = row.mac !== undefined && mac === undefined && /^[0-9a-f.:]{7,64}$/i.test(row.mac);
  if (address === undefined || (mac === undefined && !isOther)) {
    const what = address === undefined ? 'address' : 'MAC';
    source.warn(`an entry of ip neigh without a valid ${what}: skipped`, row.line);
    return undefined;
  }
  return {
    place: placeIn(source, row.line),
    address,
    device: keptText(row.device),
    mac: mac ?? '',
    state: keptText(row.state),
  };
}
