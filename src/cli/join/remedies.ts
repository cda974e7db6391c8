/** What to do about the errors of joining: a line for each. */
import type { VtepError } from '../../error.js';

const COMPARE_CLOCKS = 'set the clock of the machine that is wrong (NTP), then try again';
const FIREWALL =
  'on the managers, open TCP 2377; between all nodes TCP and UDP 7946, UDP 4789, and for encrypted networks IP protocol 50';

const REMEDIES: Readonly<Partial<Record<string, string>>> = {
  BAD_TOKEN: 'copy it from a manager: docker swarm join-token -q worker',
  NO_IDENTITY: 'give a token with --token-file; a manager prints it with docker swarm join-token -q worker',
  TOKEN_REJECTED: 'copy the current one from a manager: docker swarm join-token -q worker',
  MANAGER_TOKEN:
    'use the worker token: docker swarm join-token -q worker; docker node rm --force removes the new entry',
  WRONG_CLUSTER:
    'name a manager of the swarm that the token is from, or copy the current token: docker swarm join-token -q worker',
  FOREIGN_CERTIFICATE:
    'name a manager of this swarm; if its CA was rotated, delete the directory of --state, join again with a token, and docker node rm the old entry',
  REMOVED_FROM_SWARM: 'delete the directory of --state, and join again with a token',
  CERTIFICATE_EXPIRED:
    'if the clock is right, delete the directory of --state, join again with a token, and docker node rm the old entry',
  IDENTITY_IN_USE: 'end the other process, or give this one a directory of its own with --state',
  STATE_IN_USE: 'end the other process, or give this one a directory of its own with --state',
  BAD_IDENTITY: 'restore the directory of --state, or delete it and join again with a token',
  STATE_UNUSABLE:
    'name with --state a directory whose files only this user can read (chmod 600); if others have read the key, join again',
  CLOCK_SKEW: COMPARE_CLOCKS,
  PROMOTED:
    'docker node demote is too late: docker node rm --force NODE, then delete the directory of --state and join again',
  CONNECTION_REFUSED: FIREWALL,
  CONNECTION_TIMEOUT: FIREWALL,
  NETWORK_NOT_FOUND: 'docker network ls on a manager shows the names; overlay networks only',
  NETWORK_NOT_ATTACHABLE: 'create the network with docker network create --driver overlay --attachable',
  ADDRESS_TAKEN:
    'choose another address, or none: --attach NETWORK; docker network inspect --verbose shows those in use',
  NO_ADDRESS: 'free an address or enlarge the subnet; docker network inspect --verbose NETWORK on a manager',
  NODE_NOT_ACTIVE:
    'docker node update --availability active NODE on a manager, until it is attached; or ask for an address: --attach NETWORK=ADDRESS',
  BAD_ADDRESS: 'name an address that ip addr shows with --advertise-addr and --data-path-addr',
  NOT_PERMITTED:
    'run it as root, or with CAP_NET_ADMIN and CAP_NET_RAW for encrypted networks and interfaces, CAP_NET_BIND_SERVICE for DNS, and CAP_SYS_ADMIN to enter network namespaces',
  PORT_IN_USE:
    'end what has the port (ss -lnup), such as a Docker engine that is in a swarm itself, or use another address',
};

/** What to do about an error; undefined if its message says all. */
export function remedyFor({ code }: VtepError): string | undefined {
  return REMEDIES[code];
}
