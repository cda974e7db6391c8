/** The captures of a dry run: where frames come from, and where they go, in place of interfaces. */
import { type OutputFile, type PacketSource, PcapWriter } from '../capture/index.js';
import { CapturePort } from '../live/index.js';
import { NodeTables, type ReadonlyNodeTables, type Topology } from '../overlay/index.js';
import { openInput } from './capture-input.js';
import { openOutput } from './output.js';
import { say } from './text-output.js';

/** What a dry run reads and writes. */
export interface DryRunFiles {
  /** A capture with frames of the node's endpoints. */
  readonly frames?: string;
  /** Where frames for them go. */
  readonly out?: string;
  /** How much faster than it was recorded. */
  readonly speed: number;
}

/** A dry run's captures. */
export class DryRun {
  readonly port: CapturePort;
  /** Whether there are frames that end. */
  readonly hasFrames: boolean;
  readonly #source: PacketSource | undefined;
  readonly #file: OutputFile | undefined;
  readonly #writer: PcapWriter | undefined;
  #tables: ReadonlyNodeTables;

  private constructor(tables: NodeTables, source: PacketSource | undefined, files: DryRunFiles) {
    const { frames, out, speed } = files;
    this.#tables = tables;
    this.#source = source;
    this.hasFrames = source !== undefined;
    // Frames out of ESP are for whoever has the keys.
    const ownerOnly = tables.topology.networks.some(({ encrypted }) => encrypted);
    this.#file = out === undefined ? undefined : openOutput(out, frames, { ownerOnly });
    this.#writer = this.#file === undefined ? undefined : new PcapWriter(this.#file.write, { nanoseconds: true });
    this.port = new CapturePort({
      ...(source === undefined ? {} : { source }),
      ...(this.#writer === undefined ? {} : { sink: this.#writer }),
      networkOf: (bytes, offset) => this.#networkOf(bytes, offset),
      speed,
      clock: () => performance.now(),
      wallClock: () => Date.now(),
    });
  }

  /**
   * Opens the captures.
   * @param node name of the node whose endpoints they are of
   * @throws OverlayError if there is no such node, CaptureError `FILE_UNUSABLE` and others
   */
  static async open(topology: Topology, node: string, files: DryRunFiles): Promise<DryRun> {
    const tables = new NodeTables(topology, node);
    const source = files.frames === undefined ? undefined : await openInput(files.frames);
    try {
      return new DryRun(tables, source, files);
    } catch (error) {
      await source?.close();
      throw error;
    }
  }

  /** Goes by a running node's tables from now on: the indexes of networks are its own. */
  goBy(tables: ReadonlyNodeTables): void {
    this.#tables = tables;
  }

  /** Writes the rest out, gives the file its name, and says where the frames were damaged. */
  finish(): void {
    this.#writer?.flush();
    this.#file?.commit();
    const damage = this.#source?.damage;
    if (damage !== undefined) say(`vtep: the frames: ${damage.message}; those before it were sent`);
  }

  /** Lets the captures go; a file that was not finished is not left. */
  close(): void {
    this.port.close();
    this.#file?.abandon();
  }

  #networkOf(bytes: Uint8Array, offset: number): number {
    const endpoint = this.#tables.endpointOf(bytes, offset);
    return this.#tables.endpoints[endpoint]?.network ?? -1;
  }
}
