/** What `capture` says that it did: words for people, an object for programs. */
import { linkTypeName } from '../capture/index.js';
import type { SurveyReport } from '../inspect/index.js';
import { type Decapsulation, decapReport } from './decap-report.js';
import { grouped } from './table.js';
import { say } from './text-output.js';

/** What ended a capture. */
export type CaptureEnd = 'count' | 'time' | 'signal' | 'device';

/** The sums of a capture. */
export interface CaptureSums {
  readonly device: string;
  readonly linkType: number;
  readonly filter: string;
  /** Packets that were taken, and their bytes on the wire. */
  readonly packets: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Undefined where it can't be known. */
  readonly kernelDrops: number | undefined;
  /** Packets that came after the end that was asked for. */
  readonly leftOut: number;
  readonly end: CaptureEnd;
  /** The files that were made. */
  readonly output: { readonly words: string; readonly files: object } | undefined;
}

const ENDS: Readonly<Record<CaptureEnd, string>> = {
  count: 'ended by --count',
  time: 'ended by --for',
  signal: 'ended by a signal',
  device: 'ended by the device',
};

/** Says the sums, on standard error. */
export function sayCapture(sums: CaptureSums): void {
  const { device, packets, bytes, seconds, kernelDrops, leftOut, end, output } = sums;
  const arrow = output === undefined ? '' : ` -> ${output.words}`;
  say(`${device}: ${grouped(packets)} packets, ${grouped(bytes)} bytes in ${seconds.toFixed(3)} s${arrow}`);
  const drops =
    kernelDrops === undefined
      ? 'how many the kernel dropped is unknown here (it takes Linux and the package koffi)'
      : `${grouped(kernelDrops)} dropped by the kernel`;
  const after = leftOut === 0 ? '' : `; ${grouped(leftOut)} came after the last one, and were left out`;
  say(`  ${drops}; ${ENDS[end]}${after}`);
}

/** The object of `--json`. */
export function captureReport(
  sums: CaptureSums,
  survey: SurveyReport | undefined,
  decapsulation: Decapsulation | undefined,
): object {
  const { linkType, kernelDrops, output, ...rest } = sums;
  return {
    ...rest,
    linkType: linkTypeName(linkType),
    kernelDrops: kernelDrops ?? null,
    files: output?.files ?? null,
    survey: survey ?? null,
    decap: decapsulation === undefined ? null : decapReport(decapsulation),
  };
}
