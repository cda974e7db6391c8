import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PacketSource } from '../../src/capture/index.js';
import { Progress } from '../../src/cli/progress.js';
import { withStreams } from '../../src/cli/streams.js';

/** Just over the interval between two status lines. */
const INTERVAL_MS = 220;

/** What is shown on a terminal while a source of a size is read, in a pass over it. */
async function shown(size: number | undefined, position: number, pass = ''): Promise<string> {
  const screen = { columns: 80, named: false, colour: false, terminal: true };
  let written = '';
  await withStreams(
    {
      output: () => undefined,
      warnings: (text) => void (written += text),
      outputScreen: screen,
      warningsScreen: screen,
    },
    async () => {
      const progress = new Progress();
      progress.pass = pass;
      await sleep(INTERVAL_MS);
      progress.tick({ name: 'wire.pcap', position, ...(size === undefined ? {} : { size }) } as PacketSource);
      return 0;
    },
  );
  // eslint-disable-next-line no-control-regex -- the line that a terminal gets
  return /^\r(.*)\x1b\[K$/.exec(written)?.[1] ?? written;
}

describe('the progress of a read', () => {
  test('is megabytes and, where the size is known, a percentage', async () => {
    assert.equal(await shown(40_000_000, 10_400_000), 'wire.pcap: 10 MB 26 %');
    assert.equal(await shown(undefined, 10_400_000), 'wire.pcap: 10 MB');
  });

  test('of several passes starts with the pass, which is all there is to say of a small file', async () => {
    assert.equal(await shown(40_000_000, 10_400_000, 'loop 2 of 3'), 'wire.pcap: loop 2 of 3, 10 MB 26 %');
    assert.equal(await shown(90_000, 90_000, 'loop 2 of 3'), 'wire.pcap: loop 2 of 3');
  });
});
