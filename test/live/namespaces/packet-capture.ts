/** What crosses a device, as tcpdump sees it. */
import { type NamespaceProcess } from './namespace-process.js';
import { type NetworkNamespace } from './network-namespace.js';

/** Bytes of a packet: of many segments at the most. tcpdump has room for so few as its buffer holds of this length. */
const LONGEST = 0x10000;
const BUFFER_KIBIBYTES = 1 << 15;

/** A running tcpdump. */
export class PacketCapture {
  readonly #process: NamespaceProcess;

  private constructor(process: NamespaceProcess) {
    this.#process = process;
  }

  /**
   * Starts to capture a device, whole packets as they come.
   *
   * @param file where the packets go, as pcap
   * @param filter in tcpdump's words: `udp port 4789`
   * @throws {Error} with the words of tcpdump, if it can't
   */
  static async start(namespace: NetworkNamespace, device: string, file: string, filter = ''): Promise<PacketCapture> {
    const process = namespace.start([
      ...['tcpdump', '-Z', 'root', '-n', '--immediate-mode', '-U', '-i', device, '-w', file],
      ...['-s', String(LONGEST), '-B', String(BUFFER_KIBIBYTES)],
      ...filter.split(' ').filter((word) => word !== ''),
    ]);
    await process.line('stderr', /listening on/);
    return new PacketCapture(process);
  }

  /**
   * Stops, so that the file is whole, and gives how many packets are in it.
   *
   * @throws {Error} if the kernel had to drop some
   */
  async stop(): Promise<number> {
    const { stderr } = await this.#process.stop('SIGINT');
    const captured = /^(\d+) packets? captured/m.exec(stderr)?.[1];
    if (captured === undefined || !/^0 packets dropped by kernel/m.test(stderr)) throw new Error(`tcpdump: ${stderr}`);
    return Number(captured);
  }
}
