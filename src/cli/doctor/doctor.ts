/** `vtep doctor`: says what is wrong with an overlay, and what to do about it. */
import { collectScript, diagnose, doctorReport, FINDINGS, type Finding } from '../../doctor/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { didYouMean } from '../../text/suggestion.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { flag, Operand, option } from '../options/declared.js';
import { UNDERLAY_DECODER_OPTIONS } from '../options/underlay-decoder-options.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { catalogueLines, explanationLines, reportLines } from './finding-lines.js';
import { readEvidence } from './read-evidence.js';

/** The value of `--explain` that lists all findings. */
const ALL = 'all';

function findingNamed(name: string): Finding {
  const found = FINDINGS.find(({ id }) => id === name);
  if (found !== undefined) return found;
  const hint = didYouMean(
    name,
    FINDINGS.map(({ id }) => id),
  );
  throw new UsageError(`--explain: no finding is called ${inQuotes(name)}${hint}; --explain ${ALL} lists them`);
}

/** `vtep doctor [NODE=]FILE...`. */
export const doctorCommand = declare({
  usage: ['[NODE=]FILE... [OPTIONS]', '--explain FINDING|all', '--collect [--with-keys]'],
  description: [
    'Says what is wrong with an overlay, why, and what to do about it, from whatever you have: captures of one or both ' +
      'ends, ip -s xfrm state and policy, /proc/net/xfrm_stat, bridge fdb, ip neigh, ip -d link, ethtool -k, ' +
      'iptables-save, nft list ruleset, conntrack -L, ipvsadm -Ln, docker network inspect [-v], docker service inspect, ' +
      'docker info, logs, a config of vtep, and the status socket of a running node. What a file is, is recognised by ' +
      'its content. Keys among them decrypt the captures.',
    'Exit status: 0 nothing worse than a warning found; 1 errors found.',
  ],
  operand: new Operand(
    '[FILE...]',
    'a file, or NODE=FILE',
    'captures, outputs of commands, or one file with many outputs as --collect gathers them; NODE= names the node that it ' +
      'comes from',
  ),
  options: {
    ...UNDERLAY_DECODER_OPTIONS,
    explain: option('--explain FINDING', 'say what a finding means and when it is reported; all lists the findings'),
    collect: flag('--collect', 'print a shell script that gathers all of this on a node, without secrets'),
    withKeys: flag('--with-keys', 'with --collect: keep the keys of IPsec, to decrypt captures'),
    json: flag('--json', 'print one JSON object'),
  },
  examples: [
    ['vtep doctor wire.pcap', 'what a capture shows'],
    ['vtep doctor node1=a.pcap node2=b.pcap node1=xfrm1.txt node2=xfrm2.txt', 'both ends of a tunnel, with their SAs'],
    ['vtep doctor --collect | ssh node1 sudo sh > node1.txt', 'everything about a node, for vtep doctor node1.txt'],
  ],
  async run(values, operands) {
    const { explain, collect, withKeys, json } = values;
    const output = new TextOutput();
    if (withKeys && !collect) throw new UsageError('--with-keys needs --collect');
    if (collect) {
      output.verbatim(collectScript({ withKeys }));
      output.flush();
      return ExitCode.Done;
    }
    if (explain !== undefined) {
      const lines = explain === ALL ? catalogueLines(FINDINGS) : explanationLines(findingNamed(explain));
      for (const line of lines) output.line(line);
      output.flush();
      return ExitCode.Done;
    }
    if (operands.length === 0)
      throw new UsageError('doctor needs a FILE; vtep doctor --collect prints a script that makes one');
    const report = doctorReport(diagnose(await readEvidence(operands, values)));
    if (json) output.json(report);
    else for (const line of reportLines(report)) output.line(line);
    output.flush();
    return report.counts.error > 0 ? ExitCode.DataWrong : ExitCode.Done;
  },
});
