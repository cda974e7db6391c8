/** Gossip of the recorded swarm. */
import { readFileSync } from 'node:fs';
import { nodeBackend } from '../../../src/aead/index.js';
import { GossipKeyring } from '../../../src/gossip/index.js';
import type { GossipReport } from '../../../src/inspect/index.js';
import { parseGossipKeys } from '../../../src/overlay/files.js';
import { fixture } from '../../repository.js';
import { surveyOf } from '../services/recorded-swarm.js';

/** Its keys, or those of another file below fixtures/. */
export function swarmKeys(file = 'docker/swarm-keys.txt'): GossipKeyring {
  const ring = new GossipKeyring(nodeBackend.create());
  for (const key of parseGossipKeys(readFileSync(fixture(file), 'utf8'))) key.use((bytes) => ring.add(key.tag, bytes));
  return ring;
}

/** What a survey of a recording says about gossip. */
export async function gossipOf(
  recording: string,
  keys: GossipKeyring = swarmKeys(),
  maxRows = 65_536,
): Promise<GossipReport> {
  const { gossip } = await surveyOf(recording, { gossip: keys, maxRows });
  if (gossip === null) throw new Error('no gossip');
  return gossip;
}
