/** `vtep bench`: measures the data plane on this machine. */
import { declare } from './command.js';
import { ExitCode } from './exit-code.js';
import { flag, option } from './options/declared.js';
import { file } from './options/value-kinds.js';
import { openOutput } from './output.js';
import { StatusLine } from './progress.js';
import { TextOutput } from './text-output.js';

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
  },
  examples: [
    ['vtep bench --quick', 'the most important figures of this machine'],
    ['vtep bench --plot speed.svg --json > speed.json', 'everything, also as a plot'],
  ],
  async run({ quick, peers, plot: plotPath, verbose, json }) {
    // Opened first: a missing folder should fail now, not after ten minutes.
    const plot = plotPath === undefined ? undefined : openOutput(plotPath, undefined, { text: true });
    const status = new StatusLine();
    try {
      const { plotReport, printReport, runBench } = await import('../../bench/index.js');
      const report = await runBench({
        quick,
        peers,
        onProgress: (what) => status.show(what),
      });
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
