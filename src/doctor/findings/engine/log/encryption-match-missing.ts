import { Severity } from '../../../finding.js';
import { loggedLines } from './logged-lines.js';

/** The kernel lacks the netfilter match that selects encrypted VNIs. */
export const encryptionMatchMissing = loggedLines({
  id: 'encryption-match-missing',
  title: 'The kernel lacks a netfilter match that encrypted networks need',
  severity: Severity.Error,
  sample: 'Warning: Extension u32 revision 0 not supported, missing kernel module?',
  matches: (text) =>
    /extension (?:u32|bpf|policy) |xt_(?:u32|bpf|policy)\b|couldn't load match [`'"](?:u32|bpf|policy)/.test(text) &&
    /not supported|missing|not found|couldn't load|no such/.test(text),
  what: 'has no u32 or bpf match in its kernel, so encrypted networks are not set up or not protected',
  means:
    'The engine marks packets of encrypted networks, and drops unencrypted ones, by this match. Old engines ignored the failure and sent everything unencrypted (CVE-2023-28840); new ones refuse to start the network.',
  advice: ['Install the kernel modules xt_u32 and xt_bpf, and update the engine.'],
  commands: [
    'modprobe xt_bpf || modprobe xt_u32',
    'apt-get install linux-modules-extra-$(uname -r)   # Debian and Ubuntu',
  ],
  threads: ['moby/moby#43382', 'moby/moby#45686'],
  explains: ['encryption-rules-missing', 'clear-vxlan-on-encrypted-network'],
});
