/** The stages of the egress path, one by one: the preceding stages run untimed. */
import type { Aead } from '../src/aead/index.js';
import { Encap } from '../src/dataplane/encap.js';
import { Forward } from '../src/dataplane/forward.js';
import { DropCounters, Identifications, Oversize } from '../src/dataplane/index.js';
import { Fragment } from '../src/dataplane/fragment.js';
import { Seal } from '../src/dataplane/seal.js';
import { PacketBatch } from '../src/memory/index.js';
import { PathMtu } from '../src/overlay/index.js';
import { IPV4_HEADER_LEN } from '../src/wire/index.js';
import type { Cell } from './cell.js';
import { Stage } from './result.js';
import { moveAll, WINDOW, Window } from './window.js';
import { HERE, type Workload } from './workload.js';

/** A stage of the egress path. */
export type StageOut = typeof Stage.Forward | typeof Stage.Encap | typeof Stage.Seal | typeof Stage.Fragment;

const ORDER: readonly StageOut[] = [Stage.Forward, Stage.Encap, Stage.Seal, Stage.Fragment];

/** Maximum number of fragments per packet. */
const PIECES = 3;

function refuse(): void {
  throw new Error('a batch was full');
}

/**
 * One stage of the egress path.
 * @param workload encrypted for `seal`; with a small MTU for `fragment`
 */
export function stageOutCell(stage: StageOut, workload: Workload, batch: number, aead?: Aead): Cell {
  const { tables, topology, frames, frameBytes } = workload;
  const spare = stage === Stage.Fragment ? PIECES * WINDOW : 0;
  const window = new Window(frames, batch, frameBytes, spare);
  const { arena, batches } = window;
  const drops = new DropCounters();
  const sas = aead === undefined ? undefined : workload.sas(aead);
  const pathMtu = new PathMtu(topology, HERE);
  const aside = new PacketBatch(arena);
  const outputs = { tunnelled: new PacketBatch(arena), local: aside, replies: aside, overflow: refuse };
  const options = { oversize: Oversize.Outside, clampMss: false, rejectForeignSources: true };
  const forward = new Forward(tables, pathMtu, drops, outputs, options);
  const identifications = new Identifications(topology.nodes.length);
  const encap = new Encap(tables, drops, identifications, {});
  const seal = new Seal(tables, drops, aead, sas);
  const fragment = new Fragment(pathMtu, drops, identifications);
  const pieces = new PacketBatch(arena, (1 + PIECES) * WINDOW);
  const staged = batches.map(() => new PacketBatch(arena, batch));
  const steps: Readonly<Record<StageOut, (k: number) => void>> = {
    forward: (k) => forward.run(batches[k], 0),
    encap: (k) => encap.run(staged[k]),
    seal: (k) => seal.run(staged[k], 0),
    fragment: (k) => fragment.run(staged[k], pieces, refuse),
  };
  const each = (step: (k: number) => void): void => {
    for (let k = 0; k < batches.length; k++) step(k);
  };
  const before = ORDER.slice(0, ORDER.indexOf(stage));
  const step = steps[stage];
  const cell: Cell = {
    packets: WINDOW,
    prepare: () => {
      outputs.tunnelled.clear();
      pieces.clear();
      for (const packets of [...batches, ...staged]) packets.clear();
      window.fill();
      for (const earlier of before) {
        if (earlier === Stage.Seal && !workload.encrypted) continue;
        each((k) => {
          steps[earlier](k);
          if (earlier === Stage.Forward) moveAll(batches[k], staged[k]);
        });
      }
    },
    run: () => each(step),
    check: () => {
      cell.prepare();
      const before = staged.reduce((bytes, packets) => bytes + payloadBytes(packets), 0);
      cell.run();
      const right =
        stage === Stage.Fragment
          ? pieces.count >= WINDOW && payloadBytes(pieces) === before
          : [...batches, ...staged].reduce((count, packets) => count + packets.count, 0) === WINDOW;
      if (!right || drops.total !== 0) throw new Error(`${stage}: the output does not match the input`);
    },
  };
  return cell;
}

/** Bytes after the IP headers of a batch's packets: unchanged by fragmentation. */
function payloadBytes({ count, start, end }: PacketBatch): number {
  let bytes = 0;
  for (let i = 0; i < count; i++) bytes += end[i] - start[i] - IPV4_HEADER_LEN;
  return bytes;
}
