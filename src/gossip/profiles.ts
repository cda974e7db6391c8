import { type SwarmMemberParameters } from './networkdb/swarm-member.js';

/** memberlist 0.4.0 to 0.6.0 behave alike here. */
const MEMBERLIST = { forwardAccusations: false, monotonicIncarnations: false, attributeHearsay: false } as const;

/**
 * Behaviour of Docker's releases, where it differs from this member's own. All of them exchange the same messages, so
 * a swarm may mix them: use these to see what a swarm of engines would do, and the default, `{}`, to be in one.
 */
export const DOCKER_PROFILES = {
  /** Up to 28, memberlist 0.4.0: a failed node's entries are deleted, gossiped deletions of unknown ones are dropped. */
  'docker-20.10': {
    member: MEMBERLIST,
    networkDb: {
      failedOwner: 'forget',
      keepUnknownDeletes: false,
      ownEventsFirst: false,
      refuteOwnEntries: false,
      catchUp: false,
    },
  },
  /** 29.0 to 29.7.2, memberlist 0.4.0 to 0.6.0: the networks of a failed node are forgotten, too (moby issue 53141). */
  'docker-29.0': { member: MEMBERLIST, networkDb: { failedOwner: 'detach', refuteOwnEntries: false, catchUp: false } },
  /** After 29.7.2: the entries of a failed node are hidden until it is back. */
  'docker-29.8': { member: MEMBERLIST, networkDb: { refuteOwnEntries: false, catchUp: false } },
} as const satisfies Record<string, SwarmMemberParameters>;

/** Name of a profile. */
export type DockerProfile = keyof typeof DOCKER_PROFILES;
