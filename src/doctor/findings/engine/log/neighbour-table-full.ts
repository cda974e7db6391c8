import { Severity } from '../../../finding.js';
import { loggedLines } from './logged-lines.js';

/** The kernel's neighbour table is full. */
export const neighbourTableFull = loggedLines({
  id: 'neighbour-table-full',
  title: "The kernel's neighbour table is full",
  severity: Severity.Error,
  sample: 'neighbour: arp_cache: neighbor table overflow!',
  matches: (text) => /neighbou?r table overflow/.test(text),
  what: 'has more neighbours than its kernel allows',
  means: 'New neighbours are refused in all namespaces of the node: endpoints become unreachable at random.',
  advice: ['Raise the limits of the neighbour table; Docker sets them to 8192, 49152 and 65536.'],
  commands: [
    'sysctl -w net.ipv4.neigh.default.gc_thresh1=8192 net.ipv4.neigh.default.gc_thresh2=49152 net.ipv4.neigh.default.gc_thresh3=65536',
  ],
  threads: ['moby/moby#35807', 'moby/moby#35401'],
  explains: ['neighbour-missing', 'dns-timeouts', 'one-sided-traffic'],
});
