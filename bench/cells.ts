/** The cells of a setting: every stage, and stages that use a cipher with every cipher. */
import type { Aead } from '../src/aead/index.js';
import { Profile } from '../src/overlay/index.js';
import type { Cell } from './cell.js';
import { egressCell, ingressCell } from './chains.js';
import { inTwoFragments, halvingMtu } from './fragments.js';
import { decodeCell, lookupCell } from './other-cells.js';
import type { Setting } from './plan.js';
import { type BenchResult, Stage } from './result.js';
import { balanceCell, dnsCell } from './service-cells.js';
import { stageInCell } from './stages-in.js';
import { stageOutCell } from './stages-out.js';
import { Workload } from './workload.js';

/** A cell and the identification of its result. */
export interface NamedCell extends Pick<BenchResult, 'stage' | 'encrypted' | 'backend'> {
  readonly cell: Cell;
  /** Whether it is a whole chain, rather than a part of one. */
  readonly chain: boolean;
}

/** Bytes before a frame on the wire: IPv4, UDP, VXLAN. */
const OUTER = 36;
/** The underlay MTU for IMIX: only the smallest of the three sizes passes unfragmented. */
const MIX_MTU = 576;
/** The size of the load balancer's frames, and the nominal size of lookups and of DNS, which have none. */
const LOOKUP_SIZE = 64;

/** Cells and their shared resources. */
export interface CellSet {
  readonly cells: readonly NamedCell[];
  /** Wipes the keys. */
  close(): void;
}

/**
 * Creates the cells.
 * @param aeads the available ciphers, fastest first
 */
export function cellsOf(setting: Setting, aeads: readonly Aead[]): CellSet {
  const { size, flows } = setting;
  const clear = new Workload({ size, flows, encrypted: false });
  const sealed = new Workload({ size, flows, encrypted: true });
  const strict = new Workload({ size, flows, encrypted: true, profile: Profile.Strict });
  return {
    cells: [
      ...clearCells(clear, setting),
      ...sealedCells(sealed, setting, aeads),
      ...strictCells(strict, setting, aeads.slice(0, 1)),
    ],
    close: () => {
      clear.close();
      sealed.close();
      strict.close();
    },
  };
}

function clearCells(workload: Workload, { size, batch, flows }: Setting): NamedCell[] {
  const mtu = size === 'imix' ? MIX_MTU : halvingMtu(OUTER + size);
  const narrow = new Workload({ size, flows, encrypted: false, mtu });
  const packets = workload.packetsIn(undefined);
  const halves = inTwoFragments(packets);
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
    ...(size === LOOKUP_SIZE
      ? [
          part(Stage.Lookup, lookupCell(flows)),
          part(Stage.Balance, balanceCell(flows)),
          part(Stage.Dns, dnsCell(flows)),
        ]
      : []),
    chain(Stage.Egress, egressCell(workload, batch)),
    chain(Stage.Ingress, ingressCell(workload, packets, batch)),
  ];
}

function sealedCells(workload: Workload, { batch }: Setting, aeads: readonly Aead[]): NamedCell[] {
  if (aeads.length === 0) return [];
  const [best] = aeads;
  // With one key and one nonce all ciphers produce the same bytes, so the fastest prepares the packets for all.
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

/** Both chains with the strict profile, with the fastest cipher: the others' own speed is known from Swarm's profile. */
function strictCells(workload: Workload, { batch }: Setting, aeads: readonly Aead[]): NamedCell[] {
  return aeads.flatMap((aead) => {
    const chain = (stage: Stage, cell: Cell): NamedCell => {
      return { stage, cell, encrypted: true, backend: aead.name, chain: true };
    };
    return [
      chain(Stage.StrictEgress, egressCell(workload, batch, aead)),
      chain(Stage.StrictIngress, ingressCell(workload, workload.packetsIn(aead), batch, aead)),
    ];
  });
}
