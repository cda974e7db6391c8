/** Run by parallel-replay.test.ts: a worker of a replay whose second one ends at its first frame. */
import { randomFillSync } from 'node:crypto';
import { workerData } from 'node:worker_threads';
import { chooseAead, hkdfSha256 } from '../../src/aead/index.js';
import { serveReplay } from '../../src/replay/index.js';
import { servePackets } from '../../src/workers/index.js';

if ((workerData as { worker: number }).worker === 1) {
  servePackets(() => ({ packet: () => process.exit(3), finish: () => undefined }));
} else {
  serveReplay({
    aead: (name) => chooseAead(name).aead,
    hkdf: hkdfSha256,
    random: (bytes) => void randomFillSync(bytes),
  });
}
