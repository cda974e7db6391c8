/** The colour of a network. */
import { useMemo } from 'preact/hooks';
import { type NetworkIndex, networkIndex } from '../../../../src/picture/internal.js';
import type { CaptureIndex } from '../../index/capture-index.js';
import type { Selection } from '../../filter/selection.js';

/** Which network has which colour: the same in all views, whatever is selected. */
export function useNetworkColours({ tables: { networks } }: CaptureIndex): NetworkIndex {
  const key = networks.join(' ');
  // By the order in which they appear, not by bytes, so that colours stay while packets are added.
  return useMemo(() => networkIndex(networks.map((vni, i) => ({ vni, bytes: networks.length - i }))), [key]);
}

export function Swatch({ colours, vni }: { colours: NetworkIndex; vni: number | undefined }) {
  const index = vni === undefined ? undefined : colours.get(vni);
  return <span class={`swatch fill${index ?? ''}`} aria-hidden="true" />;
}

/** Rows of networks with packets in the selection. */
export function networkRows(index: CaptureIndex, { totals }: Selection) {
  return index.tables.networks
    .map((vni, id) => ({
      vni,
      packets: id < totals.networkPackets.length ? totals.networkPackets[id] : 0,
      bytes: id < totals.networkBytes.length ? totals.networkBytes[id] : 0,
    }))
    .filter(({ packets }) => packets > 0);
}
