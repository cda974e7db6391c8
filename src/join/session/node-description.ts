/** What a node says about itself when it opens a session. */
import type { NodeIdentity } from '../identity/node-identity.js';
import type { NodeProfile } from './node-profile.js';

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
