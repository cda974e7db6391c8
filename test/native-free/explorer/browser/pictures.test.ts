/**
 * How every view looks, light and dark, in narrow and wide windows: accessible by axe-core's rules, and without scrolling
 * sideways. The pictures are kept below out/explorer/.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, afterEach, before, describe, test } from 'node:test';
import { generated } from '../../../generate/generated.js';
import { fixture, missing } from '../../../repository.js';
import { ExplorerBrowser, type ExplorerPage, VIEW_NAMES } from './explorer-browser.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 400, height: 800 };
const LARGE = { width: 2560, height: 1440 };

/** What axe-core finds: rule, and the elements' selectors. */
const VIOLATIONS = `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
  violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ target }) => target.join(' ')).join(', ')))`;

/** How much wider the document is than the window. */
const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

describe('views of the explorer', { skip: missing('chromium') }, () => {
  let browser: ExplorerBrowser;

  before(async () => {
    browser = await ExplorerBrowser.start();
  });
  after(() => browser.close());
  afterEach(() => assert.deepEqual(browser.takeFaults(), []));

  /** Checks what is shown. @returns what is wrong */
  async function faultsOf({ page }: ExplorerPage, what: string): Promise<string[]> {
    const violations = await page.evaluate<string[]>(VIOLATIONS);
    const overflow = await page.evaluate<number>(OVERFLOW);
    return [...violations, ...(overflow > 0 ? [`${overflow} pixels too wide`] : [])].map(
      (fault) => `${what}: ${fault}`,
    );
  }

  /** Checks and photographs all views, in both colour schemes and in narrow and wide windows. */
  async function photographed(explorer: ExplorerPage, name: string): Promise<string[]> {
    const { page } = explorer;
    const faults: string[] = [];
    await page.evaluate(AXE);
    for (const view of VIEW_NAMES) {
      await explorer.show(view);
      if (view === 'packets') {
        await page.evaluate("location.hash = '#packets?filter=vni'");
        await page.locator('.selected', { hasText: ' of ' }).waitFor();
        await page.locator('[role=grid]').press('Home');
        await page.locator('[role=grid]').press('Enter');
        await page.locator('[role=treeitem]').first().waitFor();
      }
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(WIDE);
        await explorer.picture(`${name}-${view}-${colorScheme}`);
        faults.push(...(await faultsOf(explorer, `${name} ${view} ${colorScheme}`)));
      }
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize(NARROW);
      await explorer.picture(`${name}-${view}-400`);
      faults.push(...(await faultsOf(explorer, `${name} ${view} 400 pixels`)));
      await page.setViewportSize(LARGE);
      await explorer.picture(`${name}-${view}-2560`);
      await page.setViewportSize(WIDE);
      await page.evaluate("location.hash = '#overview'");
      await page.locator('#panel-overview').waitFor();
    }
    return faults;
  }

  test('the page without a file, its dialogs and its errors', async () => {
    const explorer = await browser.open();
    const { page } = explorer;
    await page.evaluate(AXE);
    const faults: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await explorer.picture(`welcome-${colorScheme}`);
      faults.push(...(await faultsOf(explorer, `welcome ${colorScheme}`)));
    }
    await explorer.choose({ name: 'notes.zip', bytes: Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0, 0) });
    await page.locator('.problems li').waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await explorer.picture('help');
    faults.push(...(await faultsOf(explorer, 'help')));
    await page.keyboard.press('Escape');
    await page.setViewportSize(NARROW);
    await explorer.picture('welcome-400');
    faults.push(...(await faultsOf(explorer, 'welcome 400 pixels')));
    assert.deepEqual(faults, []);
    await explorer.close();
  });

  test('a real encrypted recording', async () => {
    const explorer = await browser.openWith(
      fixture('docker/07-encrypted.underlay.pcap'),
      fixture('docker/07-encrypted.xfrm.txt'),
      fixture('docker/swarm-keys.txt'),
    );
    assert.deepEqual(await photographed(explorer, 'recorded'), []);
    await explorer.close();
  });

  test('generated traffic of 50 nodes, with damage and rotations', async () => {
    const { bytes, generator } = generated({
      nodes: 50,
      networks: 6,
      flows: 400,
      packets: 20_000,
      rate: 1000,
      encrypted: true,
      rotations: 1,
      traffic: { tcp: 3, udp: 1, vip: 1, ingress: 1, dns: 1, icmp: 1 },
      impairments: { badIcv: 0.005, replays: 0.002 },
    });
    const explorer = await browser.openWith(
      { name: 'fifty-nodes.pcap', bytes },
      { name: 'fifty-nodes.esp_sa', bytes: Buffer.from(generator.espSa()) },
      { name: 'networks.json', bytes: Buffer.from(generator.dockerNetworks()) },
    );
    assert.deepEqual(await photographed(explorer, 'generated'), []);
    await explorer.close();
  });
});
