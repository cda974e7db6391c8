/** `vtep bench`: measures the data plane on this machine. */
import { VtepError } from '../error.js';
import { declare } from './command.js';
import { ExitCode } from './exit-code.js';
import { flag, option } from './options/declared.js';
import { file, integer } from './options/value-kinds.js';
import { openOutput } from './output.js';
import { StatusLine } from './progress.js';
import { TextOutput } from './text-output.js';
import { UsageError } from './usage-error.js';
import type * as Bench from '../../bench/index.js';

const LIVE = 'The live path';
/** Seconds of a measurement, and rounds, with `--live`. */
const SECONDS = 3;
const ROUNDS = 3;

/** `vtep bench`. */
export const benchCommand = declare({
  usage: ['[OPTIONS]'],
  description: [
    'Measures every stage of the data plane and both chains, clear and encrypted, with every cipher that works here: ' +
      'frames of 64 to 8900 bytes and IMIX (64, 594 and 1518 bytes at 7:4:1), batches of 1 to 256, and 1 to 10,000 ' +
      'flows, each to a different node. Verifies the output before and after timing it. Takes less than ten minutes, ' +
      'on one core.',
  ],
  options: {
    quick: flag('--quick', 'measure fewer combinations, in less than a minute'),
    peers: flag('--peers', 'also measure the alternatives that are installed; only in a checkout'),
    plot: option('--plot FILE.svg', 'plot throughput over packet size by cipher, and the cost of each stage', file),
    verbose: flag('--verbose', 'print every stage, cipher, batch and number of flows'),
    json: flag('--json', 'print one JSON object instead of tables'),
    live: flag(
      '--live',
      'measure the live path instead: TCP, UDP and pings between network namespaces, through the kernel, vtep and ' +
        'the other programs that are installed; as root, only in a checkout',
    ).under(LIVE),
    seconds: option('--seconds N', 'seconds of each measurement', integer(1, 600)).otherwise(`${SECONDS}`).under(LIVE),
    rounds: option('--rounds N', 'how often each is measured, in turn', integer(1, 100))
      .otherwise(`${ROUNDS}`)
      .under(LIVE),
    only: option(
      '--only NAMES',
      'measure only these, separated by commas: lines (kernel->vtep or kernel-vtep, openvpn...), traffic (tcp1, tcp4, ' +
        'udp64, udp1400, ping5, ping200) and wires (off, on: their offloads)',
    ).under(LIVE),
    against: option('--against DIR', 'also measure another build of vtep, as vtep2: its dist', file).under(LIVE),
  },
  examples: [
    ['vtep bench --quick', 'the most important figures of this machine'],
    ['vtep bench --plot speed.svg --json > speed.json', 'everything, also as a plot'],
    ["vtep bench --live --only 'kernel->vtep,vtep->kernel,tcp1'", 'one TCP stream beside the kernel, as root'],
  ],
  async run({ quick, peers, plot: plotPath, verbose, json, live, seconds, rounds, only, against }) {
    const liveOptions = { seconds, rounds, only, against };
    if (live) {
      if (quick || peers || verbose || plotPath !== undefined) {
        throw new UsageError('--live takes none of --quick, --peers, --plot and --verbose');
      }
      await runLive(liveOptions, json);
      return ExitCode.Done;
    }
    for (const [name, value] of Object.entries(liveOptions)) {
      if (value !== undefined) throw new UsageError(`--${name} needs --live`);
    }
    // Opened first: a missing folder should fail now, not after ten minutes.
    const plot = plotPath === undefined ? undefined : openOutput(plotPath, undefined, { text: true });
    const status = new StatusLine();
    try {
      const { plotReport, printReport, runBench } = await loadBench();
      const report = await withOwnErrors(() => runBench({ quick, peers, onProgress: (what) => status.show(what) }));
      status.end();
      plot?.write(new TextEncoder().encode(plotReport(report)));
      plot?.commit();
      const output = new TextOutput();
      if (json) output.json(report);
      else printReport(report, (line) => output.line(line), verbose);
      output.flush();
    } finally {
      status.end();
      plot?.abandon();
    }
    return ExitCode.Done;
  },
});

interface LiveArguments {
  readonly seconds: number | undefined;
  readonly rounds: number | undefined;
  readonly only: string | undefined;
  readonly against: string | undefined;
}

function loadBench(): Promise<typeof Bench> {
  return import('../../bench/index.js');
}

/**
 * Calls `run`, and throws an error of the bench as one of the command line's. The classes differ where the command line is
 * bundled, since the bench isn't: it measures the library.
 */
async function withOwnErrors<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const { isVtepError } = await loadBench();
    throw isVtepError(error) ? new VtepError(error.code, error.message, { cause: error.cause }) : error;
  }
}

/** Measures the live path. */
async function runLive({ seconds, rounds, only, against }: LiveArguments, json: boolean): Promise<void> {
  const status = new StatusLine();
  try {
    const { loadLiveBench } = await loadBench();
    const { printLiveReport, runLiveBench } = await withOwnErrors(loadLiveBench);
    const options = {
      seconds: seconds ?? SECONDS,
      rounds: rounds ?? ROUNDS,
      only: only === undefined ? [] : only.split(','),
      ...(against === undefined ? {} : { against }),
      onProgress: (what: string) => status.show(what),
    };
    const report = await withOwnErrors(() => runLiveBench(options));
    status.end();
    const output = new TextOutput();
    if (json) output.json(report);
    else printLiveReport(report, (line) => output.line(line));
    output.flush();
  } finally {
    status.end();
  }
}
