/** Ids of flows: both directions between two addresses and ports have the same one. */
import { ConversationIndex, FragmentFlows, hasPorts } from '../../../src/inspect/internal.js';
import { HeaderError, IpProtocol, type Layers } from '../../../src/wire/index.js';
import { FLOW_REVERSED, type FlowColumns, MAX_FLOWS, NO_FLOW } from './flow-columns.js';

const FIRST_CAPACITY = 256;
const ADDRESS_BYTES = 16;
const PORTS_BYTES = 4;
/** Bytes of an ICMP header up to the end of its identifier. */
const ICMP_IDENTIFIER_END = 6;
/** Types of ICMP and ICMPv6 that have an identifier: echo, and its reply. */
const ICMP_ECHO: readonly number[] = [0, 8];
const ICMPV6_ECHO: readonly number[] = [128, 129];

/** Finds the flows of packets. Memory: at most `maxFlows` flows, of up to 130 bytes. */
export class FlowIds {
  /** Packets whose flow didn't fit. */
  unlisted = 0;
  /** Whether the last packet has a flow that didn't fit. */
  isFull = false;
  readonly #limit: number;
  readonly #index: ConversationIndex;
  readonly #fragments = new FragmentFlows();
  /** By id of the index, for IPv4 and for IPv6: twice the flow, plus the direction of its first packet. */
  readonly #flows = [new Int32Array(FIRST_CAPACITY), new Int32Array(FIRST_CAPACITY)];
  readonly #known = [0, 0];
  #count = 0;
  #capacity = FIRST_CAPACITY;
  #vni = new Int32Array(FIRST_CAPACITY);
  #family = new Uint8Array(FIRST_CAPACITY);
  #protocol = new Uint8Array(FIRST_CAPACITY);
  #port = new Uint16Array(2 * FIRST_CAPACITY);
  #address = new Uint8Array(2 * ADDRESS_BYTES * FIRST_CAPACITY);

  /** @param maxFlows maximum number of flows */
  constructor(maxFlows: number = MAX_FLOWS) {
    this.#limit = maxFlows;
    this.#index = new ConversationIndex(maxFlows);
  }

  /**
   * The flow of a packet, with `FLOW_REVERSED`; `NO_FLOW` if it has none, or too many were found.
   * @param vni -1 outside of networks
   * @param layers its headers
   * @param end end of the captured bytes
   * @param seconds its time, or NaN; for fragments
   */
  of(vni: number, bytes: Uint8Array, layers: Layers, end: number, seconds: number): number {
    this.isFull = false;
    if (layers.headerError !== HeaderError.None || layers.family === 0) return NO_FLOW;
    const { family, protocol, isFragment, transportOffset: at, addressOffset } = layers;
    const limit = Math.min(end, layers.networkEnd);
    let source = 0;
    let destination = 0;
    if (isFragment && layers.fragmentOffset > 0) {
      if (hasPorts(protocol)) {
        const { identification } = layers;
        const flow = this.#fragments.find(vni, family, protocol, identification, bytes, addressOffset, seconds);
        return flow < 0 ? NO_FLOW : columnOf(flow);
      }
    } else if (hasPorts(protocol)) {
      if (at + PORTS_BYTES > limit) return NO_FLOW;
      source = (bytes[at] << 8) | bytes[at + 1];
      destination = (bytes[at + 2] << 8) | bytes[at + 3];
    } else if (hasIdentifier(protocol, bytes, at, limit)) {
      source = (bytes[at + 4] << 8) | bytes[at + 5];
      destination = source;
    }
    const flow = this.#flow(vni, bytes, layers, source, destination);
    if (flow < 0) {
      this.isFull = true;
      this.unlisted++;
      return NO_FLOW;
    }
    if (isFragment && hasPorts(protocol)) {
      this.#fragments.add(vni, family, protocol, layers.identification, bytes, addressOffset, flow, seconds);
    }
    return columnOf(flow);
  }

  /** A copy of the columns. */
  columns(): FlowColumns {
    const count = this.#count;
    return {
      count,
      vni: this.#vni.slice(0, count),
      family: this.#family.slice(0, count),
      protocol: this.#protocol.slice(0, count),
      port: this.#port.slice(0, 2 * count),
      address: this.#address.slice(0, 2 * ADDRESS_BYTES * count),
    };
  }

  /** Twice the flow, plus 1 if the packet goes to its first address; -1 if the table is full. */
  #flow(vni: number, bytes: Uint8Array, layers: Layers, source: number, destination: number): number {
    const { family, protocol, addressOffset } = layers;
    const index = this.#index;
    const id = index.add(vni, family, protocol, bytes, addressOffset, source, destination);
    if (id < 0) return -1;
    const version = id & 1;
    const own = id >> 1;
    const { direction } = index;
    if (own < this.#known[version]) return this.#flows[version][own] ^ direction;
    if (this.#count === this.#limit) {
      index.delete(id);
      return -1;
    }
    const flow = this.#count++;
    if (flow === this.#capacity) this.#grow();
    const flows = this.#flows[version];
    if (own === flows.length) this.#flows[version] = grown(flows, Math.min(2 * own, this.#limit));
    this.#flows[version][own] = 2 * flow + direction;
    this.#known[version] = own + 1;
    this.#vni[flow] = vni;
    this.#family[flow] = family;
    this.#protocol[flow] = protocol;
    this.#port[2 * flow] = source;
    this.#port[2 * flow + 1] = destination;
    const bytesOfAddress = family === 4 ? 4 : ADDRESS_BYTES;
    const first = 2 * ADDRESS_BYTES * flow;
    for (let i = 0; i < bytesOfAddress; i++) {
      this.#address[first + i] = bytes[addressOffset + i];
      this.#address[first + ADDRESS_BYTES + i] = bytes[addressOffset + bytesOfAddress + i];
    }
    return 2 * flow;
  }

  #grow(): void {
    const capacity = Math.min(2 * this.#capacity, this.#limit);
    this.#capacity = capacity;
    this.#vni = grown(this.#vni, capacity);
    const family = new Uint8Array(capacity);
    const protocol = new Uint8Array(capacity);
    const port = new Uint16Array(2 * capacity);
    const address = new Uint8Array(2 * ADDRESS_BYTES * capacity);
    family.set(this.#family);
    protocol.set(this.#protocol);
    port.set(this.#port);
    address.set(this.#address);
    this.#family = family;
    this.#protocol = protocol;
    this.#port = port;
    this.#address = address;
  }
}

function columnOf(flow: number): number {
  return ((flow >> 1) | ((flow & 1) === 0 ? 0 : FLOW_REVERSED)) >>> 0;
}

function grown(column: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(capacity);
  larger.set(column);
  return larger;
}

function hasIdentifier(protocol: number, bytes: Uint8Array, at: number, limit: number): boolean {
  if (at + ICMP_IDENTIFIER_END > limit) return false;
  if (protocol === IpProtocol.Icmp) return ICMP_ECHO.includes(bytes[at]);
  return protocol === IpProtocol.Icmpv6 && ICMPV6_ECHO.includes(bytes[at]);
}
