/** What tables say, by names instead of indexes, so that those of different histories can be compared. */
import { endpointId, type NodeTables, TargetKind } from '../../src/overlay/index.js';
import { formatMac } from '../../src/wire/index.js';

/** What tables are asked about. */
export interface Questions {
  readonly vteps: readonly Uint8Array[];
  readonly vnis: readonly number[];
  readonly macs: readonly Uint8Array[];
  readonly ips: readonly Uint8Array[];
}

/** Answers by question. */
export type View = Record<string, unknown>;

/** Asks tables all questions. */
export function viewOf(tables: NodeTables, { vteps, vnis, macs, ips }: Questions): View {
  const { forwarding, neighbours, columns } = tables;
  const nodeName = (index: number): string => tables.nodes[index]?.vtep.join('.') ?? `nothing at ${index}`;
  const idOf = (index: number): string => {
    const endpoint = tables.endpoints[index];
    return endpoint === undefined ? `nothing at ${index}` : endpointId(endpoint);
  };
  const view: View = {};
  for (const vtep of vteps) {
    const index = tables.nodeOf(vtep.length === 4 ? 4 : 6, vtep, 0);
    view[`node ${vtep.join('.')}`] = index < 0 ? 'none' : [tables.nodes[index], tables.endpointsOn(index)];
  }
  for (const vni of vnis) {
    const index = tables.networkOf(vni);
    view[`network ${vni}`] = index < 0 ? 'none' : [tables.networks[index], tables.endpointsIn(index)];
    if (index >= 0) {
      view[`columns ${vni}`] = [columns.vni[index], columns.encrypted[index], columns.learning[index]];
      view[`flood ${vni}`] = [...tables.flood[index]].map(nodeName).sort();
      view[`local ${vni}`] = [...columns.local[index]].map(idOf).sort();
    }
    for (const mac of macs) {
      const found = forwarding.find(vni, mac, 0, 0);
      const { kind, target } = forwarding;
      view[`mac ${vni} ${formatMac(mac)}`] = !found
        ? 'none'
        : kind === TargetKind.Local
          ? idOf(target)
          : nodeName(target);
    }
    for (const ip of ips) {
      const at = neighbours.find(vni, ip.length === 4 ? 4 : 6, ip, 0);
      view[`ip ${vni} ${ip.join('.')}`] = at < 0 ? 'none' : formatMac(neighbours.macs, at);
    }
  }
  for (const mac of macs) {
    const index = tables.endpointOf(mac, 0);
    view[`local ${formatMac(mac)}`] = index < 0 ? 'none' : idOf(index);
  }
  view['entries'] = [forwarding.size, neighbours.size, tables.counts, tables.acceptUnknownVteps];
  return view;
}
