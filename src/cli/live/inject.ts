/** `vtep inject`: sends the packets of a capture to a device. */
import {
  type CaptureBatch,
  linkTypeName,
  LinkType,
  openCaptureStream,
  type PacketSource,
} from '../../capture/index.js';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { DeviceSink, LoopClock, type Pace } from '../../live/index.js';
import { openInput } from '../capture/capture-input.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { captureOperand, flag, option, type Values } from '../options/declared.js';
import { decimal, device, integer } from '../options/value-kinds.js';
import { injectReport, type InjectTotals, sayInject } from './inject-report.js';
import { StatusLine } from '../progress.js';
import { withSignals } from '../signals.js';
import { grouped } from '../table.js';
import { say, TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';

const OPTIONS = {
  to: option('--to DEVICE', 'the device; vtep capture --list shows them', device).need(),
  speed: option('--speed X', 'X times the captured rate, such as 0.1 or 2', decimal(0.001, 1e6))
    .otherwise('1')
    .conflicts(['pps', 'mbps', 'topSpeed']),
  pps: option('--pps N', 'N packets per second', decimal(0.001, 1e9)).conflicts(['mbps', 'topSpeed']),
  mbps: option(
    '--mbps N',
    'N Mbit/s of frame bytes, without preamble, FCS and inter-frame gap',
    decimal(0.001, 1e6),
  ).conflicts('topSpeed'),
  topSpeed: flag('--top-speed', 'as fast as possible'),
  loops: option(
    '--loops N',
    'send the capture N times, back to back; not from standard input',
    integer(1, Number.MAX_SAFE_INTEGER),
  ).or(1),
  json: flag('--json', 'print the report as one JSON object'),
  strict: flag('--strict', 'exit 1 unless every packet was sent and the capture is intact'),
};

const REFRESH_MS = 500;

function paceOf({ pps, mbps, topSpeed, speed = 1 }: Values<typeof OPTIONS>): Pace {
  if (pps !== undefined) return { by: 'packets', rate: pps };
  if (mbps !== undefined) return { by: 'bits', rate: mbps };
  return topSpeed ? { by: 'none' } : { by: 'timestamps', speed };
}

async function openFrames(path: string): Promise<PacketSource> {
  const standard = path === STANDARD_STREAM;
  const source = standard ? await openCaptureStream(process.stdin, 'standard input') : await openInput(path);
  const other = source.interfaces.find(({ linkType }) => linkType !== LinkType.Ethernet);
  if (other === undefined) return source;
  await source.close();
  throw new UsageError(
    `${source.name}: link type ${linkTypeName(other.linkType)}; only Ethernet frames (EN10MB) can be sent`,
  );
}

/** Passes the frames of a capture to a device, any number of times. */
class Injector {
  packets = 0;
  truncated = 0;
  /** Packets with a link type other than Ethernet, which pcapng may introduce anywhere. */
  foreign = 0;
  damage: InjectTotals['damage'];
  stopped = false;
  readonly #sink: DeviceSink;
  readonly #clock = new LoopClock();

  constructor(sink: DeviceSink) {
    this.#sink = sink;
  }

  /** Passes on all packets of a capture, and closes it. */
  async round(source: PacketSource): Promise<void> {
    this.#clock.begin();
    const sink = this.#sink;
    try {
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
        if (this.#over) return;
        this.#sendBatch(batch);
        await sink.room();
      }
      const { damage } = source;
      this.damage = damage && { code: damage.code, message: damage.message };
    } finally {
      await source.close();
    }
  }

  get #over(): boolean {
    return this.stopped || this.#sink.over;
  }

  #sendBatch(batch: CaptureBatch): void {
    const clock = this.#clock;
    for (let i = 0; i < batch.count; i++) {
      this.packets++;
      const length = batch.capturedLength[i];
      if (batch.linkType[i] !== LinkType.Ethernet) {
        this.foreign++;
      } else if (length < batch.originalLength[i]) {
        this.truncated++;
      } else {
        if (batch.noTimestamp[i] === 0) clock.at(batch.seconds[i], batch.nanoseconds[i]);
        else clock.timeless();
        this.#sink.write(batch.bytes, batch.offset[i], length, length, clock.seconds, clock.nanoseconds);
      }
    }
  }
}

/** `vtep inject FILE --to DEVICE`. */
export const injectCommand = declare({
  usage: ['FILE --to DEVICE [OPTIONS]'],
  description: [
    'Sends the frames of a capture to a device unchanged. The link type of the capture must be Ethernet. Frames that ' +
      'the capture truncated are skipped and counted. Stops on Ctrl-C or SIGTERM, and prints the totals. Needs the cap ' +
      'package, and root or CAP_NET_RAW.',
  ],
  operand: captureOperand(),
  options: OPTIONS,
  notes: [
    'The report shows the rate achieved and the latest packet. On a busy system pacing is best effort; a packet more ' +
      'than 0.1 s late shifts the rest of the schedule, so that a stall is not followed by a burst.',
  ],
  examples: [
    ['vtep inject wire.pcap --to eth0', 'at the captured rate'],
    ['vtep inject wire.pcap --to veth0 --pps 10000 --loops 100', '10,000 packets per second, 100 times over'],
  ],
  fails: 'the device disappeared or went down',
  async run(values, [path]) {
    const { to: device, loops, json, strict } = values;
    const pace = paceOf(values);
    if (loops > 1 && path === STANDARD_STREAM) {
      throw new UsageError('--loops reads the capture again, but standard input can be read only once; name a file');
    }
    let source: PacketSource | undefined = await openFrames(path);
    const { name } = source;
    let sink: DeviceSink;
    try {
      sink = await DeviceSink.open(device, pace);
    } catch (error) {
      await source.close();
      if (path === STANDARD_STREAM) process.stdin.destroy();
      throw error;
    }
    const injector = new Injector(sink);
    const interrupted = (): void => {
      injector.stopped = true;
      sink.stop();
      void source?.close();
      // Closing the source doesn't close the stream, and an open stdin would keep the process alive.
      if (path === STANDARD_STREAM) process.stdin.destroy();
    };
    const status = new StatusLine();
    const refresh = setInterval(() => {
      status.show(`${device}: ${grouped(sink.counts.packets)} packets sent`);
    }, REFRESH_MS);
    try {
      let rounds = 0;
      const injection = await withSignals({ SIGINT: interrupted, SIGTERM: interrupted }, async () => {
        while (rounds < loops && !injector.stopped && !sink.over) {
          source ??= await openFrames(path);
          const before = injector.packets;
          await injector.round(source);
          source = undefined;
          rounds++;
          if (injector.packets === before) break;
        }
        return sink.finish();
      });
      status.end();
      const totals: InjectTotals = {
        ...injection,
        file: name,
        device,
        read: injector.packets,
        truncated: injector.truncated,
        foreign: injector.foreign,
        rounds,
        stopped: injector.stopped,
        damage: injector.damage,
      };
      if (json) {
        const output = new TextOutput();
        output.json(injectReport(totals));
        output.flush();
      } else {
        sayInject(totals);
      }
      if (injector.damage !== undefined)
        say(`vtep: ${name}: ${injector.damage.message}; the packets before it were sent`);
      if (injector.packets === 0) say(`vtep: ${name}: no packets`);
      if (injection.failure !== undefined) {
        say(`vtep: ${device}: ${injection.failure}`);
        return ExitCode.Unusable;
      }
      const whole = injection.packets === injector.packets && injector.packets > 0 && injector.damage === undefined;
      return strict && !whole ? ExitCode.DataWrong : ExitCode.Done;
    } finally {
      clearInterval(refresh);
      status.end();
      await sink.close();
      if (path === STANDARD_STREAM) process.stdin.destroy();
    }
  },
});
