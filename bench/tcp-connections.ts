/** Connections through a load balancer, and the frames that its clients and backends send, for the benchmarks of balancing. */
import { BALANCE_HEADROOM, BalanceVerdict, LoadBalancer } from '../src/service/index.js';
import { formatIpv4, writeIpv4 } from '../src/wire/index.js';

/** Bytes of each frame. */
export const FRAME = 64;
/** Distance of frames in memory, as in an arena with small slots. */
const SLOT = 128;
const VIP = 0x0a000902;
const LOCAL = 0x0a000907;
const TCP = 6;
/** Enough that each has free source ports: 65,535 at most. */
const BACKENDS = 64;
const SYN = 0x02;
const ACK = 0x10;

/** @throws Error if a verdict isn't the wanted one */
export function expectVerdict(verdict: number, wanted: number): void {
  if (verdict !== wanted) throw new Error(`the balancer's verdict is ${verdict} instead of ${wanted}`);
}

/** A connection's client: 10.1.x.y and a port. */
const clientOf = (connection: number): number => 0x0a010000 + (connection >>> 5);
const portsOf = (connection: number): number => ((1024 + (connection & 31) * 1777) << 16) | 80;

/** Connections that a balancer knows, and slots for frames of theirs. */
export class TcpConnections {
  readonly balancer: LoadBalancer;
  readonly bytes: Uint8Array;
  /** Where each slot's frame starts. */
  readonly starts: Int32Array;
  /** Addresses of the connections' backends. */
  readonly backends: Int32Array;
  /** Ports that the balancer has towards the backends. */
  readonly ports: Uint16Array;
  readonly #view: DataView;

  /**
   * Opens the connections: a SYN and an ACK from the client, after an answer from the backend.
   * @param count number of connections
   * @param slots number of frames in memory
   */
  constructor(count: number, slots: number) {
    this.bytes = new Uint8Array(slots * SLOT);
    this.#view = new DataView(this.bytes.buffer);
    this.starts = Int32Array.from({ length: slots }, (_, slot) => slot * SLOT + BALANCE_HEADROOM);
    this.balancer = new LoadBalancer({ back: { address: '10.0.9.7' }, maxConnections: count });
    const web = this.balancer.addService({ name: 'web', vip: '10.0.9.2' });
    for (let i = 0; i < BACKENDS; i++) {
      this.balancer.addBackend(web, { address: formatIpv4(Uint8Array.of(10, 2, 0, i + 1)) });
    }
    this.backends = new Int32Array(count);
    this.ports = new Uint16Array(count);
    for (let i = 0; i < count; i++) {
      this.#write(0, clientOf(i), VIP, portsOf(i), SYN);
      expectVerdict(this.translate(0, 1), BalanceVerdict.ToBackend);
      this.backends[i] = this.backendIn();
      this.ports[i] = this.#view.getUint16(this.balancer.start + 34);
      this.#write(0, this.backends[i], LOCAL, (80 << 16) | this.ports[i], SYN | ACK);
      expectVerdict(this.translate(0, 1), BalanceVerdict.ToClient);
      this.writeRequest(0, i);
      expectVerdict(this.translate(0, 1), BalanceVerdict.ToBackend);
    }
  }

  /** Writes a segment of a connection's client to its backend. */
  writeRequest(slot: number, connection: number): void {
    this.#write(slot, clientOf(connection), VIP, portsOf(connection), ACK);
  }

  /** Writes a segment of a connection's backend to its client. */
  writeReply(slot: number, connection: number): void {
    this.#write(slot, this.backends[connection], LOCAL, (80 << 16) | this.ports[connection], ACK);
  }

  /** Has the balancer translate a slot's frame. @param now seconds */
  translate(slot: number, now: number): number {
    const start = this.starts[slot];
    return this.balancer.translate(this.bytes, start, start + FRAME, now);
  }

  /** The destination of the frame that was translated last. */
  backendIn(): number {
    return this.#view.getInt32(this.balancer.start + 30);
  }

  /** Writes a TCP segment. Its checksum doesn't matter to the balancer. */
  #write(slot: number, source: number, destination: number, ports: number, flags: number): void {
    const view = this.#view;
    const start = this.starts[slot];
    view.setInt32(start, 0x02420a00);
    view.setInt32(start + 4, 0x09070242);
    view.setInt32(start + 8, source);
    view.setUint16(start + 12, 0x0800);
    writeIpv4(this.bytes, start + 14, 0, FRAME - 14, 0x4000, 64, TCP, source, destination);
    view.setInt32(start + 34, ports);
    view.setInt32(start + 46, 0x50000000 | (flags << 16) | 1000);
    view.setInt32(start + 50, 0x12340000);
  }
}
