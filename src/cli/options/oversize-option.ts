/** `--oversize` of commands that send as a node. */
import { Oversize } from '../../dataplane/index.js';
import { option } from './declared.js';
import { choice } from './value-kinds.js';

/** `--oversize MODE`. */
export const oversizeDeclared = option(
  '--oversize MODE',
  "packets that don't fit: inside sends ICMP to the sender or makes inner fragments, outside makes outer fragments, drop discards them",
  choice(Oversize.Inside, Oversize.Outside, Oversize.Drop),
).or(Oversize.Inside);
