/** Captures that replace the interfaces in a dry run, as input and output. */
import { type OutputFile, type PacketSource, PcapWriter } from '../../capture/index.js';
import { CapturePort } from '../../live/index.js';
import { EndpointKind, NodeTables, type ReadonlyNodeTables, type Topology } from '../../overlay/index.js';
import { openInput } from '../capture/capture-input.js';
import { openOutput } from '../output.js';
import { say } from '../text-output.js';

/** Files of a dry run. */
export interface DryRunFiles {
  /** A capture of frames from the node's endpoints. */
  readonly frames?: string;
  /** Output file for frames to them. */
  readonly out?: string;
  /** Replay speed; 1 is the recorded pace. */
  readonly speed: number;
}

/** The captures of a dry run. */
export class DryRun {
  readonly port: CapturePort;
  /** Whether there is an input capture, which ends. */
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
    // Decrypted frames are only for the owner of the keys.
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
   * @param node name of the node whose endpoints take part
   * @throws OverlayError for an unknown node; CaptureError, for example `FILE_UNUSABLE`
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

  /** Uses a running node's tables from now on: the indexes of networks differ between nodes. */
  useTables(tables: ReadonlyNodeTables): void {
    this.#tables = tables;
  }

  /** Flushes and commits the output file, and reports damage of the input. */
  finish(): void {
    this.#writer?.flush();
    this.#file?.commit();
    const damage = this.#source?.damage;
    if (damage !== undefined) say(`vtep: --frames: ${damage.message}; the frames before it were sent`);
  }

  /** Closes the captures, and removes an unfinished output file. */
  close(): void {
    this.port.close();
    this.#file?.abandon();
  }

  #networkOf(bytes: Uint8Array, offset: number): number {
    const endpoint = this.#tables.endpoints[this.#tables.endpointOf(bytes, offset)];
    // A load balancer sends its frames itself.
    return endpoint === undefined || endpoint.kind === EndpointKind.Balancer ? -1 : endpoint.network;
  }
}
