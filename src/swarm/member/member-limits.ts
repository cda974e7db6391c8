import type { SwarmMemberParameters } from '../../gossip/index.js';

/**
 * Limits of the tables of a running member: several times the largest swarms, and less than 400 MB when someone with
 * a key fills them.
 */
export const MEMBER_LIMITS = {
  member: { maxMembers: 4096, maxBroadcasts: 8192 },
  networkDb: {
    maxNodes: 8192,
    maxNetworks: 4096,
    maxAttachments: 131_072,
    maxEntries: 131_072,
    maxValueBytes: 67_108_864,
    maxBroadcasts: 8192,
  },
} as const satisfies SwarmMemberParameters;
