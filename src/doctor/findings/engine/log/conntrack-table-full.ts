import { Severity } from '../../../finding.js';
import { loggedLines } from './logged-lines.js';

/** The kernel's connection table is full. */
export const conntrackTableFull = loggedLines({
  id: 'conntrack-table-full',
  title: "The kernel's connection table is full",
  severity: Severity.Error,
  sample: 'nf_conntrack: table full, dropping packet',
  matches: (text) => /nf_conntrack: (?:nf_conntrack: )?table full/.test(text),
  what: 'drops packets of new connections, because its connection table is full',
  means:
    'VXLAN from each source port, and every connection through a VIP or a published port, takes an entry. New ones are refused.',
  advice: ['Raise the limit, and find out which addresses have the most entries.'],
  commands: [
    'sysctl -w net.netfilter.nf_conntrack_max=262144',
    "conntrack -L 2>/dev/null | awk '{print $1, $4}' | sort | uniq -c | sort -rn | head",
  ],
  threads: ['moby/moby#31208', 'moby/moby#35548'],
  explains: ['dns-timeouts', 'retransmission-storm', 'one-sided-traffic'],
});
