/** The options of `vtep replay`. */
import { Oversize } from '../../dataplane/index.js';
import { Profile } from '../../overlay/index.js';
import { MAX_WORKERS } from '../../workers/index.js';
import { aeadDeclared } from '../options/aead-option.js';
import { CONFIG_OPTIONS } from '../options/config-option.js';
import { flag, option, options, type Values } from '../options/declared.js';
import { learnDeclared } from '../options/learn-option.js';
import { choice, file, integer, probability } from '../options/value-kinds.js';

/** The options. */
export const REPLAY_OPTIONS = {
  both: flag('--both', 'replay it both clear and encrypted, side by side'),
  encrypt: flag('--encrypt', 'encrypt the networks, with a temporary key if the config has none'),
  keys: options('--keys FILE', 'keys to decrypt an encrypted capture, as for inspect', file),
  aead: aeadDeclared,
  profile: option(
    '--profile NAME',
    'IPsec profile: swarm is compatible with Docker, strict needs vtep on both ends',
    choice(Profile.Swarm, Profile.Strict),
  ).otherwise("swarm, or the config's"),
  mtu: option('--mtu N', 'MTU of the underlay', integer(576, 65_535)).otherwise("1500, or the config's"),
  oversize: option(
    '--oversize MODE',
    "packets that don't fit: outside makes outer fragments, drop discards them",
    choice(Oversize.Outside, Oversize.Drop),
  ).or(Oversize.Outside),
  loss: option('--loss P', 'probability that the underlay loses a packet, from 0 to 1', probability).or(0),
  reorder: option('--reorder P', 'probability that it reorders a packet', probability).or(0),
  duplicate: option('--duplicate P', 'probability that it duplicates a packet', probability).or(0),
  corrupt: option('--corrupt P', 'probability that it corrupts a packet', probability).or(0),
  seed: option('--seed N', 'seed of these impairments', integer(0, 0xffffffff)).or(1),
  rotateEvery: option(
    '--rotate-every SECONDS',
    "rotate the keys at this interval of capture time, with the nodes' update steps between frames",
    integer(1, 1e9),
  ),
  ingressNode: option(
    '--ingress-node NAME',
    "the node whose docker_gwbridge the capture is of, for requests to published ports; with a config's services",
  ).otherwise('the first node'),
  workers: option(
    '--workers N',
    `worker threads, 1 to ${MAX_WORKERS}, each with its own flows or SAs; a file is read by each of them; 1 is the main thread alone`,
    integer(1, MAX_WORKERS),
  ).or(1),
  batch: option('--batch N', 'packets per batch, 1 to 256', integer(1, 256)).or(256),
  loops: option('--loops N', 'replay the capture N times', integer(1, 1e9)).or(1),
  writeWire: option(
    '--write-wire OUT',
    'write the packets on the wire as pcap; with --batch 1, each has the timestamp of its frame',
    file,
  ),
  verbose: flag('--verbose', "also print what didn't happen: rows of zeros"),
  json: flag('--json', 'print one JSON object instead of a table'),
  strict: flag('--strict', 'exit 1 if a frame was lost, changed or dropped'),
  ...CONFIG_OPTIONS,
  learn: learnDeclared,
};

/** Their values. */
export type ReplayValues = Values<typeof REPLAY_OPTIONS>;
