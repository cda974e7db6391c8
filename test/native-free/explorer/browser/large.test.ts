/** A large capture: the page can be used while it is read, and memory stays bounded. The speed is printed. */
import assert from 'node:assert/strict';
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { after, afterEach, before, describe, test } from 'node:test';
import type { CDPSession } from 'playwright-core';
import { chooseAead } from '../../../../src/aead/index.js';
import { CaptureGenerator } from '../../../../src/generate/index.js';
import { scratch } from '../../../cli/run.js';
import { missing } from '../../../repository.js';
import { ExplorerBrowser, type ExplorerPage, numberOf } from './explorer-browser.js';

/** Megabytes of the capture. With EXPLORER_MEGABYTES=1000, a capture of a gigabyte. */
const MEGABYTES = Number(process.env['EXPLORER_MEGABYTES'] ?? 100);
const MAX_HEAP = 400e6;

interface HeapUsage {
  readonly usedSize: number;
  readonly backingStorageSize?: number;
}

describe('a large capture in the explorer', { skip: missing('chromium') }, () => {
  const path = join(scratch(), 'large.pcap');
  let browser: ExplorerBrowser;
  let packets = 0;

  before(async () => {
    const generator = new CaptureGenerator({
      bytes: MEGABYTES * 1e6,
      rate: 100_000,
      nodes: 10,
      networks: 8,
      flows: 2000,
    });
    const file = openSync(path, 'w');
    for (const { bytes } of generator.blocks(chooseAead().aead)) writeSync(file, bytes);
    closeSync(file);
    packets = generator.report().packets;
    browser = await ExplorerBrowser.start();
  });
  after(() => browser.close());
  afterEach(() => assert.deepEqual(browser.takeFaults(), []));

  async function heapOf(session: CDPSession): Promise<number> {
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize, backingStorageSize = 0 } = (await session.send('Runtime.getHeapUsage')) as HeapUsage;
    return usedSize + backingStorageSize;
  }

  async function rows({ page }: ExplorerPage): Promise<void> {
    await page.locator('[role=row][aria-rowindex="2"]').first().waitFor();
  }

  test('its packets show while it is read, all are counted, and the heap stays small', async (t) => {
    const explorer = await browser.open();
    const { page } = explorer;
    const session = await page.context().newCDPSession(page);
    const before = await heapOf(session);
    const start = performance.now();
    await page.locator('input[type=file]').first().setInputFiles(path);
    await page.locator('#panel-overview').waitFor();
    await explorer.show('packets');
    await rows(explorer);
    const first = performance.now() - start;
    const pressed = performance.now();
    await page.keyboard.press('/');
    await page.keyboard.type('tcp');
    await page.locator('[role=option]').first().waitFor();
    const answer = performance.now() - pressed;
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await explorer.idle();
    const done = performance.now() - start;
    await explorer.show('overview');
    assert.equal(numberOf((await explorer.figures())['packets']), packets);
    const filtered = performance.now();
    await page.evaluate("location.hash = '#packets?filter=' + encodeURIComponent('vni == 4098 and tcp.flags.syn')");
    await page.locator('.selected', { hasText: / of / }).waitFor();
    const filter = performance.now() - filtered;
    const heap = (await heapOf(session)) - before;
    const size = statSync(path).size;
    t.diagnostic(
      `${Math.round(size / 1e6)} MB, ${packets} packets: first rows after ${Math.round(first)} ms, completions after ` +
        `${Math.round(answer)} ms, read and examined at ${Math.round(size / 1e3 / done)} MB/s, a filter in ` +
        `${Math.round(filter)} ms, heap and buffers ${Math.round(heap / 1e6)} MB (${(heap / packets).toFixed(1)} bytes per packet)`,
    );
    assert.ok(heap < MAX_HEAP, `${heap} bytes`);
    await explorer.close();
  });

  test('Stop ends the workers, and what has been read stays', async () => {
    const explorer = await browser.open();
    const { page } = explorer;
    await page.locator('input[type=file]').first().setInputFiles(path);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('.state-text', { hasText: /packets so far$|^[\d,]+ packets$/ }).waitFor();
    while (page.workers().length > 0) await page.waitForEvent('worker', { timeout: 100 }).catch(() => undefined);
    await explorer.show('packets');
    await explorer.show('overview');
    assert.ok(numberOf((await explorer.figures())['packets']) <= packets);
    await explorer.close();
  });
});
