import { Severity } from '../../../finding.js';
import { loggedLines } from './logged-lines.js';

/** The kernel refuses the engine's SAs. */
export const kernelRefusesSas = loggedLines({
  id: 'kernel-refuses-sas',
  title: "The kernel refuses the engine's SAs",
  severity: Severity.Error,
  sample: 'Failed Adding rSA{...}: invalid argument',
  matches: (text) =>
    (/\bfailed adding [rf]s[ap]\b/.test(text) && !/file exists/.test(text)) ||
    (/\b[rf]s[ap] ?\{|xfrm|\bspi: ?0x|security association/.test(text) &&
      /invalid argument|einval|not supported|not implemented|not permitted|permission denied|no such file/.test(text)),
  what: 'cannot install SAs or policies in its kernel',
  means:
    'Encrypted networks carry nothing to or from the peers whose SAs were refused. Kernels from 5.15.17 on refuse an attribute that old engines send; others lack ESP or AES-GCM.',
  advice: [
    'Update the engine, or the kernel: the combination is known not to work.',
    'Check that the kernel has ESP and rfc4106(gcm(aes)).',
  ],
  commands: [
    'uname -r; docker version --format "{{.Server.Version}}"',
    'modprobe esp4 && grep -A1 "rfc4106(gcm(aes))" /proc/crypto',
  ],
  threads: ['moby/moby#43359', 'moby/libnetwork#2653', 'coreos/fedora-coreos-tracker#1111'],
  explains: [
    'peer-without-sas',
    'policy-without-sa',
    'sa-acquire',
    'unknown-spi',
    'one-sided-esp',
    'one-sided-traffic',
    'clear-vxlan-on-encrypted-network',
    'xfrm-unknown-spi-counted',
    'xfrm-out-without-sa',
  ],
});
