/** The report of `capture`, as text or JSON. */
import { linkTypeName } from '../../capture/index.js';
import type { SurveyReport } from '../../inspect/index.js';
import { type Decapsulation, decapReport } from './decap-report.js';
import { grouped } from '../table.js';
import { say } from '../text-output.js';

/** What stopped a capture. */
export type CaptureEnd = 'count' | 'time' | 'signal' | 'key' | 'device';

/** The totals of a capture. */
export interface CaptureTotals {
  readonly device: string;
  readonly linkType: number;
  readonly filter: string;
  /** Captured packets, and their bytes on the wire. */
  readonly packets: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Undefined if unknown. */
  readonly kernelDrops: number | undefined;
  /** Packets that arrived after the requested end. */
  readonly leftOut: number;
  readonly end: CaptureEnd;
  /** The files written. */
  readonly output: { readonly words: string; readonly files: object } | undefined;
}

const ENDS: Readonly<Record<CaptureEnd, string>> = {
  count: 'stopped by --count',
  time: 'stopped by --for',
  signal: 'stopped by a signal',
  key: 'stopped by q',
  device: 'stopped by the device',
};

/** Prints the totals on standard error. */
export function sayCapture(totals: CaptureTotals): void {
  const { device, packets, bytes, seconds, kernelDrops, leftOut, end, output } = totals;
  const arrow = output === undefined ? '' : ` -> ${output.words}`;
  say(`${device}: ${grouped(packets)} packets, ${grouped(bytes)} bytes in ${seconds.toFixed(3)} s${arrow}`);
  const drops =
    kernelDrops === undefined
      ? 'kernel drops unknown (needs Linux and the koffi package)'
      : `${grouped(kernelDrops)} dropped by the kernel`;
  const after = leftOut === 0 ? '' : `; ${grouped(leftOut)} arrived after the last one and were ignored`;
  say(`  ${drops}; ${ENDS[end]}${after}`, (kernelDrops ?? 0) > 0 ? 'red' : undefined);
}

/** The object of `--json`. */
export function captureReport(
  totals: CaptureTotals,
  survey: SurveyReport | undefined,
  decapsulation: Decapsulation | undefined,
): object {
  const { linkType, kernelDrops, output, ...rest } = totals;
  return {
    ...rest,
    linkType: linkTypeName(linkType),
    kernelDrops: kernelDrops ?? null,
    files: output?.files ?? null,
    survey: survey ?? null,
    decap: decapsulation === undefined ? null : decapReport(decapsulation),
  };
}
