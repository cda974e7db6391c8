/** `vtep doctor`: says what is wrong with an overlay, why, and what to do about it. */
import { declare } from '../command.js';
import { FLEET_OPTIONS } from '../fleet/fleet-option.js';
import { flag, Operand, option } from '../options/declared.js';
import { UNDERLAY_DECODER_OPTIONS } from '../options/underlay-decoder-options.js';
import { integer } from '../options/value-kinds.js';
import { MAX_WORKERS } from '../../workers/index.js';
import { keepHeapSmall } from '../v8-heap.js';

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
    workers: option(
      '--workers N',
      `threads, 1 to ${MAX_WORKERS}: of several captures, each is examined by one; they share a single one, except for what isn't clear VXLAN`,
      integer(1, MAX_WORKERS),
    ).or(1),
    explain: option('--explain FINDING', 'say what a finding means and when it is reported; all lists the findings'),
    collect: flag('--collect', 'print a shell script that gathers all of this on a node, without secrets'),
    withKeys: flag('--with-keys', 'with --collect: keep the keys of IPsec, to decrypt captures'),
    json: flag('--json', 'print one JSON object'),
    ...FLEET_OPTIONS,
  },
  examples: [
    ['vtep doctor wire.pcap', 'what a capture shows'],
    ['vtep doctor node1=a.pcap node2=b.pcap node1=xfrm1.txt node2=xfrm2.txt', 'both ends of a tunnel, with their SAs'],
    ['vtep doctor --collect | ssh node1 sudo sh > node1.txt', 'everything about a node, for vtep doctor node1.txt'],
  ],
  async run(values, operands) {
    keepHeapSmall();
    // Loaded after that: the modules of all findings would make the heap grow.
    const { runDoctor } = await import('./doctor-run.js');
    return runDoctor(values, operands);
  },
});
