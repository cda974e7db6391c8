/** The options of `join`. */
import { flag, option, options, type Values } from '../options/declared.js';
import { MESH_OPTIONS } from '../options/mesh-options.js';
import { choice, file, text, type ValueKind } from '../options/value-kinds.js';
import { PACKET_OPTIONS, RUN_OPTIONS, SOCKET_OPTIONS } from '../live/live-options.js';

const DEFAULT_STATE = '/var/lib/vtep/swarm';
const ATTACHMENTS = 'Networks';
const ADDRESSES = 'Addresses';

/** The environment variable with a token. */
export const TOKEN_VARIABLE = 'VTEP_TOKEN';

/** An address or a host name as `JoinedVtep` takes it; checked there. */
const address: ValueKind<string> = text;

/** Declarations, by the name of the value. */
export const JOIN_OPTIONS = {
  tokenFile: option(
    '--token-file FILE',
    "a worker's join token; - is standard input. Not needed with a stored identity",
    file,
  ).conflicts('token'),
  token: option(
    '--token TOKEN',
    `the same as an argument, which every user of this machine sees in ps; or in the environment as ${TOKEN_VARIABLE}`,
  ),
  state: option('--state DIR', 'the directory of the identity; each process needs its own', file).or(DEFAULT_STATE),
  name: option('--name NAME', "the node's name in docker node ls, and its endpoints' name in DNS").otherwise(
    'the host name',
  ),
  availability: option(
    '--availability STATE',
    'when it first joins; a paused or drained node gets no attachments',
    choice('active', 'pause', 'drain'),
  ).otherwise('active'),
  attach: options('--attach NETWORK[=ADDRESS]', 'attach to a network, and ask for an address', text).under(ATTACHMENTS),
  device: options(
    '--device [NETWORK=]NAME',
    'the interface for an attachment; default: vt-NETWORK, shortened to 15 characters',
    text,
  ).under(ATTACHMENTS),
  netns: options(
    '--netns [NETWORK=]NAME',
    'its network namespace, by name or path; without NETWORK, of all attachments',
    text,
  ).under(ATTACHMENTS),
  advertiseAddr: option('--advertise-addr ADDRESS', "this node's address for gossip, port 7946", address)
    .otherwise('the local address of the connection to the manager')
    .under(ADDRESSES),
  dataPathAddr: option('--data-path-addr ADDRESS', "the VTEP's address", address)
    .otherwise('that of --advertise-addr')
    .under(ADDRESSES),
  ...MESH_OPTIONS,
  ...PACKET_OPTIONS,
  ...SOCKET_OPTIONS,
  ...RUN_OPTIONS,
  screen: flag('--no-screen', 'print lines on a terminal, too, instead of the screen'),
};

/** The values. */
export type JoinValues = Values<typeof JOIN_OPTIONS>;
