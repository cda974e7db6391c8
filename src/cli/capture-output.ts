/** The files of `vtep capture`: one, or one after another. */
import { LinkType, type PacketSink, PcapngWriter, PcapWriter, RotatingFiles } from '../capture/index.js';
import type { CaptureOutputPlan } from './capture-options.js';
import { openOutput, removeWhenEnded, sayLeftovers } from './output.js';

/** Where packets or frames go. */
export interface CaptureOutput {
  readonly sink: PacketSink;
  /** Whether somebody waits for each packet. */
  readonly prompt: boolean;
  /** Finishes what is over by its time. */
  readonly tick: () => void;
  readonly commit: () => void;
  readonly abandon: () => void;
  /** What it made, in words and for programs. */
  readonly made: () => { readonly words: string; readonly files: object };
}

/** What the packets are. */
export interface CaptureOutputContent {
  readonly linkType: number;
  /** The device's name. */
  readonly name: string;
  /** Whether they are inner frames: Ethernet, and in pcapng each network an interface. */
  readonly decap: boolean;
  /** Whether only the owner of the files may read them: keys opened what is in them. */
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
      const gone = deleted > 0 ? `, ${deleted} older deleted` : '';
      return { words: `${finished} files${gone}, the last ${last ?? 'none'}`, files: files.files };
    },
  };
}
