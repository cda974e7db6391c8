/** Starts simulations. What they are made of is loaded by the first one. */
import { FramesError } from '../frames/index.js';
import type { Topology } from '../overlay/index.js';
import type { Simulation, SimulationOptions } from './simulation.js';

// Programs in JavaScript may pass anything.
function isTopology(topology: Partial<Topology> | null | undefined): topology is Topology {
  return Array.isArray(topology?.nodes) && Array.isArray(topology.networks) && Array.isArray(topology.endpoints);
}

/**
 * Simulates an overlay network in this process: each node has the tables and both chains of a real one, with ESP where a
 * network is encrypted, and they exchange IP packets over an underlay that loses, delays, duplicates and corrupts them.
 * With the same seed and the same calls, a run is the same every time.
 * @param topology a topology (`parseConfig` of vtep/overlay/files), the path or `file:` URL of a config, or its text
 * (more than one line)
 * @throws OverlayError `BAD_CONFIG`, SimulationError `BAD_OPTION`, FramesError `CONFIG_UNUSABLE`, AeadError
 * @example
 * import { simulate } from 'vtep';
 *
 * const network = await simulate('overlay.yaml', { loss: 0.01, seed: 1 });
 * network.on('deliver', ({ node, endpoint, headers }) => console.log(node, endpoint, headers.protocol));
 * const frame = Buffer.from('02420a00090402420a00090388b5' + '00'.repeat(46), 'hex'); // from c1 to c2
 * network.node('node1').send('c1', frame);
 * network.run();
 * console.log(network.accounting);
 * network.close();
 */
export async function simulate(
  topology: Topology | string | URL,
  options: SimulationOptions & { readonly aead?: string | undefined } = {},
): Promise<Simulation> {
  const { aead: cipher, ...rest } = options;
  const [{ Simulation }, { chooseAead, hkdfSha256 }] = await Promise.all([
    import('./simulation.js'),
    import('../aead/index.js'),
  ]);
  const { aead } = chooseAead(cipher);
  if (typeof topology !== 'string' && !(topology instanceof URL)) {
    if (!isTopology(topology)) {
      throw new FramesError('CONFIG_UNUSABLE', 'pass a topology, the path of a config, or its text of several lines');
    }
    return new Simulation(topology, { aead, hkdf: hkdfSha256, wipe: () => undefined }, rest);
  }
  const { readSource } = await import('../frames/read-source.js');
  const { parseConfig, extractKeys } = await import('../overlay/files.js');
  const text = extractKeys(await readSource(topology, 'CONFIG_UNUSABLE', 'a config'));
  try {
    const parsed = parseConfig(text);
    const wipe = (): void => parsed.ring?.wipe();
    return new Simulation(parsed, { aead, hkdf: hkdfSha256, wipe }, rest);
  } finally {
    text.wipe();
  }
}
