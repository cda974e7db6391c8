/** Captures what crosses a device, with tcpdump. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type NamespaceProcess } from './namespace-process.js';
import { type NetworkNamespace } from './network-namespace.js';

/** Snapshot length in bytes, for coalesced packets. It determines how many packets fit in tcpdump's buffer. */
const LONGEST = 0x10000;
const BUFFER_KIBIBYTES = 1 << 15;

/** tcpdump's status line while it runs. */
const COUNTS = /^tcpdump: (\d+) packets? captured, .*\n/gm;
/** Time within which it reads a waiting packet, in milliseconds. */
const SETTLED_MS = 50;

/** A running tcpdump. */
export class PacketCapture {
  readonly #process: NamespaceProcess;

  private constructor(process: NamespaceProcess) {
    this.#process = process;
  }

  /**
   * Starts capturing complete packets of a device.
   *
   * @param file output file, as pcap
   * @param filter tcpdump filter: `udp port 4789`
   * @throws {Error} with tcpdump's message, if it can't
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
   * Stops when everything that crossed is in the file, and returns the number of packets.
   *
   * @throws {Error} if the kernel dropped packets
   */
  async stop(): Promise<number> {
    await this.#readAll();
    const { stderr } = await this.#process.stop('SIGINT');
    const captured = /^(\d+) packets? captured/m.exec(stderr)?.[1];
    if (captured === undefined || !/^0 packets dropped by kernel/m.test(stderr)) throw new Error(`tcpdump: ${stderr}`);
    return Number(captured);
  }

  /** Polls tcpdump's counters until it has read everything from the kernel: once stopped, it reads no more. */
  async #readAll(): Promise<void> {
    const counts = (): RegExpMatchArray[] => [...this.#process.stderr.matchAll(COUNTS)];
    for (let before = -1; ;) {
      const count = counts().length;
      this.#process.signal('SIGUSR1');
      await this.#process.until(() => counts().length > count, 'its counters');
      const captured = Number(counts().at(-1)?.[1]);
      if (captured === before) return;
      before = captured;
      await sleep(SETTLED_MS);
    }
  }
}
