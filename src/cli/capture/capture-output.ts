/** Output files of `vtep capture`: a single file, or rotating ones. */
import { LinkType, type PacketSink, PcapngWriter, PcapWriter, RotatingFiles } from '../../capture/index.js';
import type { CaptureOutputPlan } from './capture-options.js';
import { openOutput, removeWhenEnded, sayLeftovers } from '../output.js';

/** An output for packets or frames. */
export interface CaptureOutput {
  readonly sink: PacketSink;
  /** Whether to flush after each batch, for a reader that follows along. */
  readonly prompt: boolean;
  /** Finishes a file whose time is up. */
  readonly tick: () => void;
  readonly commit: () => void;
  readonly abandon: () => void;
  /** The files written, as text and for JSON. */
  readonly made: () => { readonly words: string; readonly files: object };
}

/** What the output contains. */
export interface CaptureOutputContent {
  readonly linkType: number;
  /** The device's name. */
  readonly name: string;
  /** Whether it contains inner frames: Ethernet, and in pcapng one interface per network. */
  readonly decap: boolean;
  /** Whether only the owner may read the files, because they contain decrypted packets. */
  readonly ownerOnly: boolean;
}

/**
 * Opens an output.
 * @throws CaptureError `FILE_UNUSABLE`
 */
export function openCaptureOutput(plan: CaptureOutputPlan, content: CaptureOutputContent): CaptureOutput {
  const linkType = content.decap ? LinkType.Ethernet : content.linkType;
  return plan.rotation === undefined
    ? oneFile(plan, { ...content, linkType })
    : rotating(plan, { ...content, linkType });
}

function oneFile(
  { path, format }: CaptureOutputPlan,
  { linkType, name, decap, ownerOnly }: CaptureOutputContent,
): CaptureOutput {
  const file = openOutput(path, undefined, { ownerOnly });
  let sink: PacketSink;
  if (format === 'pcap') {
    sink = new PcapWriter(file.write, { nanoseconds: true, linkType });
  } else {
    const pcapng = new PcapngWriter(file.write);
    if (!decap) pcapng.addInterface(name, linkType);
    sink = pcapng;
  }
  return {
    sink,
    prompt: path === '-',
    tick: () => undefined,
    commit: () => file.commit(),
    abandon: () => file.abandon(),
    made: () => ({ words: file.name, files: { finished: 1, deleted: 0, last: file.name } }),
  };
}

function rotating(plan: CaptureOutputPlan, { linkType, name, ownerOnly }: CaptureOutputContent): CaptureOutput {
  const now = (): number => Date.now() / 1000;
  removeWhenEnded();
  const files = new RotatingFiles(plan.path, now(), {
    ...plan.rotation,
    format: plan.format,
    linkType,
    name,
    ownerOnly,
  });
  sayLeftovers(files.leftovers);
  return {
    sink: files,
    prompt: false,
    tick: () => files.expire(now()),
    commit: () => files.commit(),
    abandon: () => files.abandon(),
    made: () => {
      const { finished, deleted, last } = files.files;
      const gone = deleted > 0 ? `, ${deleted} older ones deleted` : '';
      return { words: `${finished} files${gone}, last: ${last ?? 'none'}`, files: files.files };
    },
  };
}
