/** The cells of a setting: every stage, and those that a cipher has a part in with every cipher. */
import type { Aead } from '../src/aead/index.js';
import type { Cell } from './cell.js';
import { egressCell, ingressCell } from './chains.js';
import { cutInTwo, halvingMtu } from './fragments.js';
import { decodeCell, lookupCell } from './other-cells.js';
import type { Setting } from './plan.js';
import { type BenchResult, Stage } from './result.js';
import { stageInCell } from './stages-in.js';
import { stageOutCell } from './stages-out.js';
import { Workload } from './workload.js';

/** A cell, and what its result is of. */
export interface NamedCell extends Pick<BenchResult, 'stage' | 'encrypted' | 'backend'> {
  readonly cell: Cell;
  /** Whether it is a whole chain, or a part of one. */
  readonly chain: boolean;
}

/** Bytes in front of a frame on the wire: IPv4, UDP, VXLAN. */
const OUTER = 36;
/** The underlay of the mix: of three sizes the smallest passes whole. */
const MIX_MTU = 576;
/** The size that look-ups are measured with, which have none. */
const LOOKUP_SIZE = 64;

/** Cells, and what they have in common. */
export interface CellSet {
  readonly cells: readonly NamedCell[];
  /** Wipes the keys. */
  close(): void;
}

/**
 * Makes them.
 * @param aeads the ciphers that work here, the fastest first
 */
export function cellsOf(setting: Setting, aeads: readonly Aead[]): CellSet {
  const { size, flows } = setting;
  const clear = new Workload({ size, flows, encrypted: false });
  const sealed = new Workload({ size, flows, encrypted: true });
  return {
    cells: [...clearCells(clear, setting), ...sealedCells(sealed, setting, aeads)],
    close: () => {
      clear.close();
      sealed.close();
    },
  };
}

function clearCells(workload: Workload, { size, batch, flows }: Setting): NamedCell[] {
  const mtu = size === 'imix' ? MIX_MTU : halvingMtu(OUTER + size);
  const narrow = new Workload({ size, flows, encrypted: false, mtu });
  const packets = workload.packetsIn(undefined);
  const halves = cutInTwo(packets);
  const part = (stage: Stage, cell: Cell): NamedCell => ({
    stage,
    cell,
    encrypted: false,
    backend: null,
    chain: false,
  });
  const chain = (stage: Stage, cell: Cell): NamedCell => ({ ...part(stage, cell), chain: true });
  return [
    part(Stage.Decode, decodeCell(workload, packets, batch)),
    part(Stage.Forward, stageOutCell(Stage.Forward, workload, batch)),
    part(Stage.Encap, stageOutCell(Stage.Encap, workload, batch)),
    part(Stage.Fragment, stageOutCell(Stage.Fragment, narrow, batch)),
    part(Stage.Reassemble, stageInCell(Stage.Reassemble, workload, halves, batch, undefined, true)),
    part(Stage.Decap, stageInCell(Stage.Decap, workload, packets, batch)),
    ...(size === LOOKUP_SIZE ? [part(Stage.Lookup, lookupCell(flows))] : []),
    chain(Stage.Egress, egressCell(workload, batch)),
    chain(Stage.Ingress, ingressCell(workload, packets, batch)),
  ];
}

function sealedCells(workload: Workload, { batch }: Setting, aeads: readonly Aead[]): NamedCell[] {
  if (aeads.length === 0) return [];
  const [best] = aeads;
  // One key, one nonce: all ciphers make the same bytes, so that the fastest makes them for all.
  const packets = workload.packetsIn(best);
  const shared = (stage: typeof Stage.Reassemble | typeof Stage.Decap): NamedCell => {
    const cell = stageInCell(stage, workload, packets, batch, best);
    return { stage, cell, encrypted: true, backend: null, chain: false };
  };
  return [
    shared(Stage.Reassemble),
    shared(Stage.Decap),
    ...aeads.flatMap((aead) => {
      const named = (stage: Stage, cell: Cell, chain: boolean): NamedCell => {
        return { stage, cell, encrypted: true, backend: aead.name, chain };
      };
      return [
        named(Stage.Seal, stageOutCell(Stage.Seal, workload, batch, aead), false),
        named(Stage.Open, stageInCell(Stage.Open, workload, packets, batch, aead), false),
        named(Stage.Egress, egressCell(workload, batch, aead), true),
        named(Stage.Ingress, ingressCell(workload, packets, batch, aead), true),
      ];
    }),
  ];
}
