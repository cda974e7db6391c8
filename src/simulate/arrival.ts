/** A frame that an endpoint received. */
import { PacketHeaders } from '../frames/index.js';

/** A frame that arrived at an endpoint. Its bytes are a copy. */
export class Arrival {
  /** Name of the node. */
  readonly node: string;
  /** Name of the endpoint. */
  readonly endpoint: string;
  /** VNI of its network. */
  readonly vni: number;
  /** The frame from its Ethernet header on. */
  readonly frame: Uint8Array;
  /** When it arrived, in seconds of the simulation's clock. */
  readonly seconds: number;
  #headers: PacketHeaders | undefined;

  /** @internal */
  constructor(node: string, endpoint: string, vni: number, frame: Uint8Array, seconds: number) {
    this.node = node;
    this.endpoint = endpoint;
    this.vni = vni;
    this.frame = frame;
    this.seconds = seconds;
  }

  /** Its headers, parsed on first access. */
  get headers(): PacketHeaders {
    return (this.#headers ??= new PacketHeaders(this.frame));
  }
}
