/** `vtep decap`: the inner frames of a capture of the underlay. */
import { extname } from 'node:path';
import {
  type CaptureBatch,
  OutputFile,
  type PacketSink,
  type PacketSource,
  PcapngWriter,
  PcapWriter,
} from '../capture/index.js';
import { DropReason, dropReasonName, dropReasonText, Ingress, Verdict } from '../dataplane/index.js';
import { oneOf, onlyOperand, parseWords, UsageError } from './arguments.js';
import { openInput, readInput } from './capture-input.js';
import type { Command } from './command.js';
import { ExitCode } from './exit-code.js';
import { INGRESS_HELP, INGRESS_OPTIONS, ingressOptions } from './ingress-options.js';
import { grouped } from './table.js';
import { say, TextOutput } from './text-output.js';

const HELP = `vtep decap FILE -o OUT [OPTIONS]

The inner frames of a capture of an overlay's underlay, whole and with their times. FILE is pcap or pcapng,
gzip-compressed or not; - is standard input. Outer fragments are put together first. Frames of which the capture
holds only a part are passed over and counted.

  -o, --output OUT   where the frames go; - is standard output
  --format WORD      pcap (times as exact as the input's) or pcapng (an interface for each VNI); by OUT's ending
                     if not said
${INGRESS_HELP}
  --json             one JSON object about what was done
  --strict           exit 1 if packets were dropped or the capture is damaged`;

/** More networks than these share one interface of the output. */
const MAX_INTERFACES = 4096;

/** Writes frames, in pcapng each to the interface of its network. */
class FrameWriter {
  readonly networks = new Map<number, { vni: number; frames: number; bytes: number }>();
  readonly #pcapng: PcapngWriter | undefined;
  readonly #sink: PacketSink;
  readonly #interfaces = new Map<number, number>();

  constructor(file: OutputFile, format: 'pcap' | 'pcapng', nanoseconds: boolean) {
    this.#pcapng = format === 'pcapng' ? new PcapngWriter(file.write) : undefined;
    this.#sink = this.#pcapng ?? new PcapWriter(file.write, { nanoseconds });
  }

  write(ingress: Ingress, seconds: number, nanoseconds: number): void {
    const length = ingress.frameEnd - ingress.frameOffset;
    const { vni } = ingress;
    let network = this.networks.get(vni);
    if (network === undefined) {
      network = { vni, frames: 0, bytes: 0 };
      this.networks.set(vni, network);
    }
    network.frames++;
    network.bytes += length;
    const id = this.#pcapng === undefined ? 0 : this.#interfaceOf(this.#pcapng, vni);
    this.#sink.write(ingress.outerBytes, ingress.frameOffset, length, length, seconds, nanoseconds, id);
  }

  flush(): void {
    this.#sink.flush();
  }

  #interfaceOf(pcapng: PcapngWriter, vni: number): number {
    const known = this.#interfaces.get(vni);
    if (known !== undefined) return known;
    const last = this.#interfaces.size >= MAX_INTERFACES;
    const key = last ? -1 : vni;
    let id = this.#interfaces.get(key);
    if (id === undefined) {
      id = pcapng.addInterface(last ? 'other VNIs' : `vni ${vni}`);
      this.#interfaces.set(key, id);
    }
    return id;
  }
}

function formatOf(path: string, word: 'pcap' | 'pcapng' | undefined): 'pcap' | 'pcapng' {
  if (word !== undefined) return word;
  return extname(path).toLowerCase() === '.pcapng' ? 'pcapng' : 'pcap';
}

/** Whether every time of a capture is a whole number of microseconds. */
function isMicroseconds(source: PacketSource): boolean {
  // A pcapng file may name a finer interface further on.
  return source.format === 'pcap' && source.interfaces[0].ticksPerSecond <= 1e6;
}

function sayWhatWasDone(ingress: Ingress, writer: FrameWriter, output: OutputFile, drops: Float64Array): void {
  const networks = [...writer.networks.keys()].sort((a, b) => a - b);
  const shown = networks.slice(0, 10).join(', ') + (networks.length > 10 ? ', ...' : '');
  say(`${grouped(ingress.frames)} frames${networks.length > 0 ? ` of VNI ${shown}` : ''} -> ${output.name}`);
  const dropped = drops.reduce((sum, count) => sum + count, 0);
  say(
    `${grouped(ingress.packets)} packets = ${grouped(ingress.framePackets)} with inner frames + ` +
      `${grouped(ingress.espPackets)} ESP + ${grouped(ingress.otherPackets)} other + ${grouped(ingress.held)} held + ` +
      `${grouped(dropped)} dropped`,
  );
  drops.forEach((count, reason) => {
    if (count > 0) say(`  dropped ${grouped(count)} ${dropReasonName(reason)}: ${dropReasonText(reason)}`);
  });
  if (ingress.held > 0) say(`  held ${grouped(ingress.held)} fragments: the capture does not hold their rest`);
  if (ingress.espPackets > 0) say(`  ${grouped(ingress.espPackets)} ESP packets are encrypted and were passed over`);
}

/** Packets that are missing from the output though they may belong to it. */
function lost(drops: Float64Array): number {
  return drops.reduce(
    (sum, count, reason) =>
      reason === DropReason.DuplicateFragment || reason === DropReason.VxlanVniNotFound ? sum : sum + count,
    0,
  );
}

function reportJson(source: PacketSource, output: OutputFile, ingress: Ingress, writer: FrameWriter): string {
  const dropped: Record<string, number> = {};
  ingress.drops().forEach((count, reason) => {
    if (count > 0) dropped[dropReasonName(reason)] = count;
  });
  const report = {
    file: source.name,
    output: output.name,
    packets: ingress.packets,
    frames: ingress.frames,
    accounting: {
      inFrames: ingress.framePackets,
      esp: ingress.espPackets,
      other: ingress.otherPackets,
      held: ingress.held,
      dropped,
    },
    networks: [...writer.networks.values()].sort((a, b) => a.vni - b.vni),
    damage: source.damage === undefined ? null : { code: source.damage.code, message: source.damage.message },
    notes: source.notes,
  };
  return JSON.stringify(report, null, 2);
}

/** `vtep decap FILE -o OUT`. */
export const decapCommand: Command = {
  summary: 'wire to inner frames',
  help: HELP,
  async run(args) {
    const parsed = parseWords('decap', args, {
      ...INGRESS_OPTIONS,
      output: { type: 'string', short: 'o' },
      format: { type: 'string' },
      json: { type: 'boolean' },
      strict: { type: 'boolean' },
    });
    const path = onlyOperand('decap', parsed, 'a capture file');
    const outputPath = parsed.values['output'];
    if (typeof outputPath !== 'string' || outputPath === '') {
      throw new UsageError('decap needs -o OUT, where the frames go (- for standard output)');
    }
    const json = parsed.values['json'] === true;
    if (json && outputPath === '-') throw new UsageError('--json and -o - both want standard output; name a file');
    const format = formatOf(outputPath, oneOf(parsed, 'format', ['pcap', 'pcapng']));
    const ingress = new Ingress(ingressOptions(parsed));
    const source = await openInput(path);
    let file: OutputFile;
    try {
      file = new OutputFile(outputPath, path);
    } catch (error) {
      await source.close();
      throw error;
    }
    const interrupted = (): void => {
      file.abandon();
      process.exit(130);
    };
    process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
    try {
      const writer = new FrameWriter(file, format, !isMicroseconds(source));
      await readInput(source, (batch) => writeFrames(batch, ingress, writer));
      writer.flush();
      file.commit();
      const drops = ingress.drops();
      if (json) {
        const text = new TextOutput();
        text.line(reportJson(source, file, ingress, writer));
        text.flush();
      } else {
        sayWhatWasDone(ingress, writer, file, drops);
      }
      const wrong = ingress.packets === 0 || source.damage !== undefined || lost(drops) > 0;
      return parsed.values['strict'] === true && wrong ? ExitCode.DataWrong : ExitCode.Done;
    } finally {
      file.abandon();
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    }
  },
};

function writeFrames(batch: CaptureBatch, ingress: Ingress, writer: FrameWriter): void {
  for (let i = 0; i < batch.count; i++) {
    const offset = batch.offset[i];
    const verdict = ingress.receive(
      batch.linkType[i],
      batch.bytes,
      offset,
      offset + batch.capturedLength[i],
      offset + batch.originalLength[i],
      batch.seconds[i],
    );
    if (verdict === Verdict.Frame) writer.write(ingress, batch.seconds[i], batch.nanoseconds[i]);
  }
}
