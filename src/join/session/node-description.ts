/** What a node says about itself when it opens a session. */
import type { NodeIdentity } from '../identity/node-identity.js';

/** What administrators see of a node. */
export interface NodeProfile {
  /** Its name in `docker node ls`. */
  readonly hostname: string;
  /** Its platform in `docker node inspect`, which the scheduler compares with that of services. */
  readonly platform: { readonly os: string; readonly architecture: string };
}

/**
 * A platform that no image has, so that the scheduler places no service here whose platform is known. It isn't enough:
 * services created with `--no-resolve-image` have none.
 */
export const NO_PLATFORM = { os: 'vtep', architecture: 'vtep' } as const;

/**
 * The description for a session. Without the plugin, the scheduler assigns no attachment to overlay networks; without
 * the TLS part, a rotation of the root CA waits for this node for ever.
 */
export function nodeDescription({ hostname, platform }: NodeProfile, identity: NodeIdentity): object {
  return {
    hostname,
    platform,
    resources: {},
    engine: { engineVersion: 'vtep', plugins: [{ type: 'Network', name: 'overlay' }] },
    tlsInfo: {
      trustRoot: Buffer.from(identity.rootPem, 'latin1'),
      certIssuerSubject: identity.issuerName,
      certIssuerPublicKey: identity.issuerKey,
    },
  };
}
