/**
 * Joins a swarm for a moment, and writes its IPsec keys to a file: what decrypts a capture. The arguments are JSON with
 * the options of JoinedNode, and the file.
 */
import { writeFileSync } from 'node:fs';
import { JoinedNode, type JoinedNodeOptions } from '../../../src/join/index.js';
import { formatKeyRing } from '../../../src/overlay/files.js';

const [, , options = '', file = ''] = process.argv;
const node = new JoinedNode({
  ...(JSON.parse(options) as JoinedNodeOptions),
  onEvent: (event) => {
    if (event.kind !== 'keys' || event.keys.ipsec === undefined) return;
    writeFileSync(file, formatKeyRing(event.keys.ipsec), { mode: 0o600 });
  },
});
await node.start();
await node.close();
