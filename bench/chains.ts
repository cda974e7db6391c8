/**
 * Whole chains: from a frame in the arena to a packet for the wire, and from a packet on the wire to a frame of an
 * endpoint.
 */
import type { Aead } from '../src/aead/index.js';
import { EgressChain, IngressChain } from '../src/dataplane/index.js';
import type { PacketBatch } from '../src/memory/index.js';
import { Profile } from '../src/overlay/index.js';
import type { Cell } from './cell.js';
import { checkDelivered, checkSent } from './oracle.js';
import { OUTER_BYTES, WINDOW, Window } from './window.js';
import type { Packets, Workload } from './workload.js';

/** Clock step: not a whole second, as with real clocks. */
const MICROSECOND = 1e-6;

/** The egress path of a node. */
export function egressCell(workload: Workload, batch: number, aead?: Aead): Cell {
  const { tables, frames, frameBytes, encrypted } = workload;
  const window = new Window(frames, batch, frameBytes);
  const sas = aead === undefined ? undefined : workload.sas(aead);
  let seen: ((batch: PacketBatch) => void) | undefined;
  let sent = 0;
  let now = 0;
  const wire = (out: PacketBatch): void => {
    sent += out.count;
    seen?.(out);
  };
  const refuse = (): void => {
    throw new Error('a frame was not sent on the wire');
  };
  const keyed = aead === undefined || sas === undefined ? {} : { aead, sas };
  const chain = new EgressChain(tables, window.arena, { wire, local: refuse, replies: refuse }, keyed);
  const cell: Cell = {
    packets: WINDOW,
    prepare: () => window.fill(),
    run: () => {
      now += MICROSECOND;
      for (const packets of window.batches) chain.run(packets, now);
    },
    check: () => {
      const first = window.next;
      let n = 0;
      seen = (out) => {
        for (let i = 0; i < out.count; i++) checkSent(workload, first + n++, out.arena.bytes, out.start[i], out.end[i]);
      };
      cell.prepare();
      sent = 0;
      cell.run();
      seen = undefined;
      if (sent !== WINDOW || chain.drops.total !== 0) throw new Error(`${sent} of ${WINDOW} frames were sent`);
      if (encrypted !== chain.seal.sealed > 0) throw new Error('frames were not encrypted as their network requires');
    },
  };
  return cell;
}

/**
 * The ingress path of a node.
 * @param packets from `workload`; with the strict profile they are sealed again, untimed, before they repeat
 */
export function ingressCell(workload: Workload, packets: Packets, batch: number, aead?: Aead): Cell {
  const { tables, frameBytes, profile } = workload;
  const window = new Window(packets, batch, frameBytes + OUTER_BYTES);
  let filled = false;
  const sas = aead === undefined ? undefined : workload.sas(aead);
  let seen: ((batch: PacketBatch) => void) | undefined;
  let delivered = 0;
  let now = 0;
  const sink = (out: PacketBatch): void => {
    delivered += out.count;
    seen?.(out);
  };
  const keyed = aead === undefined || sas === undefined ? {} : { aead, sas };
  const chain = new IngressChain(tables, window.arena, sink, keyed);
  const cell: Cell = {
    packets: WINDOW,
    prepare: () => {
      if (filled && window.next === 0 && profile === Profile.Strict) workload.writePacketsIn(packets, aead);
      filled = true;
      window.fill();
    },
    run: () => {
      now += MICROSECOND;
      for (const batchIn of window.batches) chain.run(batchIn, now);
    },
    check: () => {
      const first = window.next;
      let n = 0;
      seen = (out) => {
        for (let i = 0; i < out.count; i++) {
          checkDelivered(workload, first + n++, out.arena.bytes, out.start[i], out.end[i]);
        }
      };
      cell.prepare();
      delivered = 0;
      cell.run();
      seen = undefined;
      if (delivered !== WINDOW || chain.drops.total !== 0) {
        throw new Error(`${delivered} of ${WINDOW} packets were delivered`);
      }
    },
  };
  return cell;
}
