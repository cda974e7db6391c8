/** The stages of the ingress path, one by one: the preceding stages run untimed. */
import type { Aead } from '../src/aead/index.js';
import { Classify } from '../src/dataplane/classify.js';
import { Decap } from '../src/dataplane/decap.js';
import { Classifier, DropCounters, Reassembly } from '../src/dataplane/index.js';
import { Open } from '../src/dataplane/open.js';
import { InboundEsp } from '../src/ipsec/index.js';
import { PacketBatch } from '../src/memory/index.js';
import type { Cell } from './cell.js';
import { Stage } from './result.js';
import { moveAll, OUTER_BYTES, WINDOW, Window } from './window.js';
import { HERE, type Packets, type Workload } from './workload.js';

/** A stage of the ingress path. */
export type StageIn = typeof Stage.Reassemble | typeof Stage.Open | typeof Stage.Decap;

function refuse(): void {
  throw new Error('a batch was full');
}

/**
 * One stage of the ingress path.
 * @param packets from the wire
 * @param fragmented whether each was received as two fragments
 */
export function stageInCell(
  stage: StageIn,
  workload: Workload,
  packets: Packets,
  batch: number,
  aead?: Aead,
  fragmented = false,
): Cell {
  const { tables, topology, frameBytes, encrypted } = workload;
  const window = new Window(packets, batch, frameBytes + OUTER_BYTES);
  const { arena, batches } = window;
  const drops = new DropCounters();
  const sas = aead === undefined ? undefined : workload.sas(aead);
  const esp = new PacketBatch(arena);
  const vxlan = new PacketBatch(arena);
  const reassembly = new Reassembly();
  const classifier = new Classifier({ ports: [topology.port], verifyIp: false, verifyUdp: true });
  const outputs = { esp, vxlan, overflow: refuse };
  const classify = new Classify(topology.nodes[HERE], drops, outputs, classifier, reassembly);
  const inbound =
    aead === undefined || sas === undefined ? undefined : new InboundEsp(aead, sas.inbound, undefined, 256);
  const open = new Open(drops, classifier, inbound);
  const decap = new Decap(tables, drops);
  const staged = batches.map(() => new PacketBatch(arena, batch));
  const steps: Readonly<Record<StageIn, (k: number) => void>> = {
    reassemble: (k) => void classify.run(batches[k], 0),
    open: (k) => open.run(staged[k], 0),
    decap: (k) => decap.run(staged[k], encrypted, 0),
  };
  const each = (step: (k: number) => void): void => {
    for (let k = 0; k < batches.length; k++) step(k);
  };
  const step = steps[stage];
  const cell: Cell = {
    // Whole packets, even if received as fragments.
    packets: fragmented ? WINDOW / 2 : WINDOW,
    prepare: () => {
      esp.clear();
      vxlan.clear();
      for (const before of [...batches, ...staged]) before.clear();
      window.fill();
      if (stage === Stage.Reassemble) return;
      each((k) => {
        steps.reassemble(k);
        moveAll(batches[k], staged[k]);
      });
      if (stage !== Stage.Decap || !encrypted) return;
      each((k) => {
        steps.open(k);
        classify.runOpened(staged[k], 0);
      });
    },
    run: () => each(step),
    check: () => {
      cell.prepare();
      cell.run();
      const out = [esp, vxlan, ...batches, ...staged].reduce((count, after) => count + after.count, 0);
      if (out !== cell.packets || drops.total !== 0 || reassembly.heldFragments !== 0) {
        throw new Error(`${stage}: the output does not match the input`);
      }
    },
  };
  return cell;
}
