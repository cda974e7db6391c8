/** What a fault is: traffic of its own, between nodes of its own, in which one thing is wrong. */
import type { Endpoint } from '../../overlay/index.js';
import { Flow, Scripted } from '../flow.js';
import type { LaneChange, Lanes, NetworkBuilder } from '../network-builder.js';
import type { Script } from '../script.js';

/** Whether a fault needs an encrypted network, a clear one, or takes either. */
export type FaultNeeds = 'encrypted' | 'clear' | 'any';

/** A kind of fault. */
export interface Fault {
  /** Its name, which is that of doctor's finding. */
  readonly name: string;
  /** What its packets are like, for the documentation. */
  readonly makes: string;
  readonly needs: FaultNeeds;
  /** Whether the keys must rotate during the capture. @default false */
  readonly rotates?: boolean;
  /** Bytes by which the end of the file is cut off. @default 0 */
  readonly cut?: number;
  /** Whether it shows only in a capture of one node, beside that of the other. @default false */
  readonly twoCaptures?: boolean;
  /**
   * Adds its traffic.
   * @internal
   */
  readonly add: (site: FaultSite) => void;
}

const MILLISECOND = 1e6;

/** Where a fault is: two nodes, with a container each, and what adds traffic between them. */
export class FaultSite {
  readonly a: Endpoint;
  readonly b: Endpoint;
  readonly #others: Endpoint[] = [];

  /**
   * @param index of the fault
   * @param network index of its network
   * @param duration of the healthy traffic, in nanoseconds
   */
  constructor(
    readonly builder: NetworkBuilder,
    readonly index: number,
    readonly network: number,
    readonly duration: number,
  ) {
    this.a = this.container();
    this.b = this.container();
  }

  /** Adds a container on a node of its own, or on a given one. */
  container(node?: number): Endpoint {
    const { world } = this.builder;
    if (node === undefined) world.addNode();
    const made = world.addEndpoint(this.network, node ?? world.nodes.length - 1);
    this.#others.push(made);
    return made;
  }

  /** Its containers, in order: `a`, `b`, and what was added. */
  get containers(): readonly Endpoint[] {
    return this.#others;
  }

  get mtu(): number {
    return this.builder.mtuOf(this.network);
  }

  /**
   * Adds a flow with a script.
   * @param after milliseconds after the first packet
   */
  flow({ first }: Lanes, write: (script: Script) => void, after = 20): void {
    this.builder.add(new Flow(first, 0, new Scripted(write)), after * MILLISECOND + this.index * 137_000);
  }

  /** Echo requests that are answered: the nodes reach each other. */
  ping(from: Endpoint, to: Endpoint, count: number, change: LaneChange = {}, back: LaneChange = change): void {
    this.flow(this.builder.echo(from, to, 700 + this.index, change, back), (script) => {
      for (let i = 1; i <= count; i++) {
        script.add(0, i === 1 ? 0 : 100 * MILLISECOND, 56, i);
        script.add(1, 0.2 * MILLISECOND, 56, i);
      }
    });
  }
}
