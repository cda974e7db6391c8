/** What Docker says, for the tests of doctor. */
import type { NetworkView } from '../../../src/doctor/evidence/docker.js';

/** A network as a node shows it. */
export function networkView(parts: Partial<NetworkView> = {}): NetworkView {
  return {
    place: { file: 'networks.json', line: 1 },
    name: 'my-net',
    id: 'abc',
    ingress: false,
    vnis: [4097],
    subnets: ['10.0.9.0/24'],
    encrypted: false,
    encryptedOption: undefined,
    driverMtu: undefined,
    options: {},
    ipv6: false,
    endpoints: [],
    peers: [],
    tasks: undefined,
    classic: false,
    ...parts,
  };
}
