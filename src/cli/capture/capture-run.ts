/** Runs a capture, from its first packet to its totals. */
import type { CaptureBatch } from '../../capture/index.js';
import { UnderlayDecoder, type UnderlayDecoderOptions } from '../../dataplane/index.js';
import { AddressTable, EspSurvey } from '../../inspect/internal.js';
import { Survey } from '../../inspect/index.js';
import type { DeviceSource } from '../../live/index.js';
import type { CapturePlan } from './capture-options.js';
import { type CaptureOutput, openCaptureOutput } from './capture-output.js';
import { type CaptureEnd, type CaptureTotals, captureReport, sayCapture } from './capture-report.js';
import { type Decapsulation, lost, sayDecap } from './decap-report.js';
import { ESP_ROWS, FrameWriter } from '../../frames/internal.js';
import type { OpenedKeys } from '../keys/key-files.js';
import { RateMeter } from './live-rates.js';
import { LiveScreen } from './live-screen.js';
import { isSortKey, liveLines, type LiveState, type SortKey } from './live-view.js';
import { printPackets } from './packet-lines.js';
import { StatusLine } from '../progress.js';
import { withSignals } from '../signals.js';
import { printSurvey } from './survey-tables.js';
import { grouped } from '../table.js';
import { outputScreen } from '../streams.js';
import { say, TextOutput } from '../text-output.js';

const REFRESH_MS = 1000;

/** How packets are decoded and shown. */
export interface CaptureReading {
  readonly decoder: UnderlayDecoderOptions;
  readonly checksums: boolean;
  /** Maximum rows per table; 0 for all. */
  readonly rows: number;
  readonly keys: OpenedKeys | undefined;
}

/** How a capture ended. */
export interface CaptureOutcome {
  readonly deviceGone: boolean;
  /** Whether packets were dropped, or something is wrong with them. */
  readonly warned: boolean;
}

/** Whether standard output can show a view in place of its window. */
function hasLiveView(): boolean {
  return outputScreen().terminal && process.env['TERM'] !== 'dumb';
}

/** Consumes packets, and reports the totals. */
class CaptureRun {
  packets = 0;
  bytes = 0;
  leftOut = 0;
  end: CaptureEnd = 'device';
  readonly #source: DeviceSource;
  readonly #plan: CapturePlan;
  readonly #reading: CaptureReading;
  readonly #output: CaptureOutput | undefined;
  readonly #survey: Survey | undefined;
  readonly #frames:
    { readonly writer: FrameWriter; readonly decoder: UnderlayDecoder; readonly esp: EspSurvey } | undefined;
  readonly #text = new TextOutput();
  readonly #print: ((batch: CaptureBatch) => void) | undefined;
  /** The live view: on a terminal, for tables. */
  readonly #screen: LiveScreen | undefined;
  readonly #meter = new RateMeter(0);
  #sort: SortKey = 'b';
  #shown: Omit<LiveState, 'sort'> | undefined;
  readonly #status = new StatusLine();
  readonly #started = performance.now();

  constructor(source: DeviceSource, plan: CapturePlan, reading: CaptureReading) {
    this.#source = source;
    this.#plan = plan;
    this.#reading = reading;
    const { linkType } = source.interfaces[0];
    const content = { linkType, name: source.name, decap: plan.decap, ownerOnly: reading.keys !== undefined };
    this.#output = plan.output === undefined ? undefined : openCaptureOutput(plan.output, content);
    if (plan.survey !== undefined) {
      this.#survey = new Survey({ ...reading.decoder, ...reading.keys, checksums: reading.checksums });
      if (plan.survey === 'packets') this.#print = printPackets(this.#text, this.#survey);
      else if (!plan.json && hasLiveView()) this.#screen = this.#liveScreen();
    }
    if (plan.decap && this.#output !== undefined) {
      const writer = new FrameWriter(this.#output.sink);
      const esp = new EspSurvey(new AddressTable(ESP_ROWS), ESP_ROWS);
      this.#frames = { writer, decoder: new UnderlayDecoder({ ...reading.decoder, applyEcn: true }), esp };
    }
  }

  /** Opens the live view, if there is one. */
  open(): void {
    this.#screen?.open();
    if (this.#screen !== undefined) this.tick();
  }

  /** Stops the capture for a reason; the first one counts. */
  stop(end: CaptureEnd): void {
    if (this.end === 'device') this.end = end;
    this.#source.stop();
  }

  #liveScreen(): LiveScreen {
    return new LiveScreen(process.stdout, process.stdin, {
      onKey: (key) => this.#pressed(key),
      onResize: () => this.#draw(),
    });
  }

  #pressed(key: string): void {
    // The terminal sends Ctrl-C and Ctrl-Z as characters while keys are read.
    if (key === '\x03') this.stop('signal');
    else if (key === '\x1a') this.#suspend();
    else if (key === 'q') this.stop('key');
    else if (isSortKey(key)) {
      this.#sort = key;
      this.#draw();
    }
  }

  /** Stops the process, as Ctrl-Z does, until a shell continues it. Packets are captured meanwhile. */
  #suspend(): void {
    this.#screen?.close();
    process.once('SIGCONT', () => {
      this.#screen?.open();
      this.#draw();
    });
    process.kill(process.pid, 'SIGTSTP');
  }

  #draw(): void {
    if (this.#shown === undefined || this.#screen === undefined) return;
    const { rows, columns } = this.#screen;
    this.#screen.show(liveLines({ ...this.#shown, sort: this.#sort }, { rows, columns }), outputScreen().colour);
  }

  /** Consumes the packets of a batch, up to `--count`. */
  take(batch: CaptureBatch): void {
    const wanted = Math.min(batch.count, this.#plan.count - this.packets);
    this.leftOut += batch.count - wanted;
    if (wanted === 0) return;
    batch.count = wanted;
    this.packets += wanted;
    for (let i = 0; i < wanted; i++) this.bytes += batch.originalLength[i];
    if (this.#frames !== undefined) {
      this.#frames.writer.addBatch(batch, this.#frames.decoder, this.#frames.esp);
    } else if (this.#output !== undefined) {
      this.#write(batch, this.#output);
    }
    if (this.#output?.prompt === true) this.#output.sink.flush();
    if (this.#print !== undefined) {
      this.#print(batch);
      this.#text.flush();
    } else {
      this.#survey?.addBatch(batch);
    }
  }

  /** Shows progress on a terminal, and finishes files whose time is up. */
  tick(): void {
    this.#output?.tick();
    if (this.#screen !== undefined && this.#survey !== undefined) {
      const report = this.#survey.report(this.#source);
      const seconds = (performance.now() - this.#started) / 1000;
      this.#shown = {
        name: this.#source.name,
        seconds,
        kernelDrops: this.#source.kernelDrops,
        rates: this.#meter.measure(report, seconds),
        problems: report.problems,
        keys: this.#screen.hasKeys,
      };
      this.#draw();
    } else if (this.#print === undefined) {
      this.#status.show(this.#progress());
    }
  }

  /** Finishes the outputs and prints the totals. */
  finish(): CaptureOutcome {
    this.#screen?.close();
    this.#status.end();
    this.#output?.sink.flush();
    this.#output?.commit();
    const survey = this.#survey?.report(this.#source);
    const totals = this.#totals();
    const decapsulation = this.#decapsulation();
    if (this.#plan.json) {
      this.#text.json(captureReport(totals, survey, decapsulation));
    } else {
      if (this.#plan.survey === 'tables' && survey !== undefined) {
        printSurvey(this.#text, survey, this.#reading.rows);
      }
      sayCapture(totals);
      if (decapsulation !== undefined) sayDecap(decapsulation);
    }
    this.#text.flush();
    const { damage, kernelDrops = 0 } = this.#source;
    if (damage !== undefined) say(`vtep: ${this.#source.name}: ${damage.message}; the packets before that are kept`);
    const wrong = survey?.problems.some(({ severity }) => severity === 'warning') ?? false;
    const missing = decapsulation === undefined ? 0 : lost(decapsulation.decoder.drops.counts);
    return { deviceGone: damage !== undefined, warned: wrong || missing > 0 || kernelDrops > 0 };
  }

  /** Removes unfinished outputs. */
  abandon(): void {
    this.#screen?.close();
    this.#status.end();
    this.#output?.abandon();
  }

  #write(batch: CaptureBatch, { sink }: CaptureOutput): void {
    for (let i = 0; i < batch.count; i++) {
      const original = batch.originalLength[i];
      sink.write(
        batch.bytes,
        batch.offset[i],
        batch.capturedLength[i],
        original,
        batch.seconds[i],
        batch.nanoseconds[i],
      );
    }
  }

  #progress(): string {
    const { kernelDrops, name } = this.#source;
    const drops = kernelDrops === undefined ? 'kernel drops unknown' : `${grouped(kernelDrops)} dropped by the kernel`;
    const seconds = (performance.now() - this.#started) / 1000;
    return `${name}: ${grouped(this.packets)} packets, ${grouped(this.bytes)} bytes, ${seconds.toFixed(0)} s; ${drops}`;
  }

  #totals(): CaptureTotals {
    const { packets, bytes, leftOut, end } = this;
    const { name, interfaces, kernelDrops, damage } = this.#source;
    return {
      device: name,
      linkType: interfaces[0].linkType,
      filter: this.#plan.filterName,
      packets,
      bytes,
      seconds: (performance.now() - this.#started) / 1000,
      kernelDrops,
      leftOut,
      end: damage === undefined ? end : 'device',
      output: this.#output?.made(),
    };
  }

  #decapsulation(): Decapsulation | undefined {
    if (this.#frames === undefined || this.#output === undefined) return undefined;
    const { writer, decoder, esp } = this.#frames;
    const networks = [...writer.networks.values()];
    return {
      sources: [this.#source],
      output: this.#output.made().words,
      decoder,
      esp,
      networks,
      keys: this.#reading.keys,
    };
  }
}

/**
 * Captures until the plan, a signal or the device stops it.
 * @throws CaptureError if an output can't be written
 */
export async function runCapture(
  source: DeviceSource,
  plan: CapturePlan,
  reading: CaptureReading,
): Promise<CaptureOutcome> {
  const run = new CaptureRun(source, plan, reading);
  const interrupted = (): void => run.stop('signal');
  const refresh = setInterval(() => run.tick(), REFRESH_MS);
  const over = plan.duration === undefined ? undefined : setTimeout(() => run.stop('time'), plan.duration * 1000);
  try {
    // Without a handler, SIGHUP would leave the terminal in the state of the live view.
    const hangUp = hasLiveView() ? { SIGHUP: interrupted } : {};
    return await withSignals({ SIGINT: interrupted, SIGTERM: interrupted, ...hangUp }, async () => {
      // Announced only now: a program that reads it may send a signal immediately.
      say(`capturing from ${source.name}${process.stdin.isTTY ? ', until Ctrl-C' : ''}`);
      run.open();
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
        run.take(batch);
        if (run.packets === plan.count) run.stop('count');
      }
      return run.finish();
    });
  } finally {
    clearInterval(refresh);
    clearTimeout(over);
    run.abandon();
  }
}
