/** What crosses a device, as tcpdump sees it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type NamespaceProcess } from './namespace-process.js';
import { type NetworkNamespace } from './network-namespace.js';

/** Bytes of a packet: of many segments at the most. tcpdump has room for so few as its buffer holds of this length. */
const LONGEST = 0x10000;
const BUFFER_KIBIBYTES = 1 << 15;

/** What it says of itself while it runs. */
const COUNTS = /^tcpdump: (\d+) packets? captured, .*\n/gm;
/** Milliseconds in which it reads a packet, if there is one. */
const SETTLED_MS = 50;

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
   * Stops when all that crossed is in the file, and gives how many packets that is.
   *
   * @throws {Error} if the kernel had to drop some
   */
  async stop(): Promise<number> {
    await this.#readAll();
    const { stderr } = await this.#process.stop('SIGINT');
    const captured = /^(\d+) packets? captured/m.exec(stderr)?.[1];
    if (captured === undefined || !/^0 packets dropped by kernel/m.test(stderr)) throw new Error(`tcpdump: ${stderr}`);
    return Number(captured);
  }

  /** Has tcpdump tell its counters until it has read all that the kernel gave it: when it is stopped it reads no more. */
  async #readAll(): Promise<void> {
    const counts = (): RegExpMatchArray[] => [...this.#process.stderr.matchAll(COUNTS)];
    for (let before = -1; ;) {
      const told = counts().length;
      this.#process.signal('SIGUSR1');
      await this.#process.until(() => counts().length > told, 'its counters');
      const captured = Number(counts().at(-1)?.[1]);
      if (captured === before) return;
      before = captured;
      await sleep(SETTLED_MS);
    }
  }
}
