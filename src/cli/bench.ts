/** `vtep bench`: how fast the data plane is on this machine. */
import { parseWords, UsageError } from './arguments.js';
import type { Command } from './command.js';
import { ExitCode } from './exit-code.js';
import { openOutput } from './output.js';
import { StatusLine } from './progress.js';
import { TextOutput } from './text-output.js';

const HELP = `vtep bench [OPTIONS]

Measures every stage of the data plane and both whole chains, clear and encrypted with every cipher that works here:
frames of 64 to 8900 bytes and IMIX (7:4:1 of 64, 594 and 1518), batches of 1 to 256, 1 to 10,000 flows, each to a node
of its own. What comes out is checked before and after it is timed. A run takes under ten minutes, and one core.

  --quick            fewer of all: under a minute
  --peers            measures in the same run what is used instead, as far as it is installed; in a checkout
  --json             one JSON object instead of tables
  --plot FILE.svg    draws throughput over size by cipher, and what each stage costs`;

/** `vtep bench`. */
export const benchCommand: Command = {
  summary: 'how fast the data plane is here, stage by stage',
  help: HELP,
  async run(words) {
    const parsed = parseWords('bench', words, {
      quick: { type: 'boolean' },
      peers: { type: 'boolean' },
      json: { type: 'boolean' },
      plot: { type: 'string' },
    });
    if (parsed.operands.length > 0) throw new UsageError('bench takes no file; see: vtep bench --help');
    const plotPath = parsed.values['plot'];
    // Opened first: ten minutes are long to wait for a folder that isn't there.
    const plot = typeof plotPath === 'string' ? openOutput(plotPath) : undefined;
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
      else printReport(report, (line) => output.line(line));
      output.flush();
    } finally {
      status.end();
      plot?.abandon();
    }
    return ExitCode.Done;
  },
};
