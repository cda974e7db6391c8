/** `vtep bench`: measures the data plane on this machine. */
import { parseWords, UsageError } from './arguments.js';
import type { Command } from './command.js';
import { ExitCode } from './exit-code.js';
import { openOutput } from './output.js';
import { StatusLine } from './progress.js';
import { TextOutput } from './text-output.js';

const HELP = `vtep bench [OPTIONS]

Measures every stage of the data plane and both chains, clear and encrypted with
every cipher that works here: frames of 64 to 8900 bytes and IMIX (7:4:1 of 64,
594 and 1518), batches of 1 to 256, and 1 to 10,000 flows, each to a different
node. The output is verified before and after it is timed. A run takes less than
ten minutes, on one core.

  --quick            fewer combinations: less than a minute
  --peers            also measures the alternatives that are installed; only in
                     a checkout
  --verbose          prints every stage, cipher, batch and number of flows
  --json             one JSON object instead of tables
  --plot FILE.svg    plots throughput over packet size by cipher, and the cost
                     of each stage`;

/** `vtep bench`. */
export const benchCommand: Command = {
  summary: 'measures the data plane, stage by stage',
  help: HELP,
  async run(args) {
    const parsed = parseWords('bench', args, {
      quick: { type: 'boolean' },
      peers: { type: 'boolean' },
      verbose: { type: 'boolean' },
      json: { type: 'boolean' },
      plot: { type: 'string' },
    });
    if (parsed.operands.length > 0) throw new UsageError('bench takes no file; see: vtep bench --help');
    const plotPath = parsed.values['plot'];
    // Opened first: a missing folder should fail now, not after ten minutes.
    const plot = typeof plotPath === 'string' ? openOutput(plotPath, undefined, { text: true }) : undefined;
    const status = new StatusLine();
    try {
      const { plotReport, printReport, runBench } = await import('../../bench/index.js');
      const report = await runBench({
        quick: parsed.values['quick'] === true,
        peers: parsed.values['peers'] === true,
        onProgress: (what) => status.show(what),
      });
      status.end();
      plot?.write(new TextEncoder().encode(plotReport(report)));
      plot?.commit();
      const output = new TextOutput();
      if (parsed.values['json'] === true) output.json(report);
      else printReport(report, (line) => output.line(line), parsed.values['verbose'] === true);
      output.flush();
    } finally {
      status.end();
      plot?.abandon();
    }
    return ExitCode.Done;
  },
};
