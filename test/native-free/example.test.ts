/** The example page, used like a user does: two files chosen, a button, a table. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { formatMac } from '../../src/wire/index.js';
import { framesOf } from '../cli/frames.js';
import { fixture, missing, ROOT } from '../repository.js';
import { TestBrowser } from './browser.js';
import { bundleOf } from './bundle.js';

const FOLDER = join(ROOT, 'native-free/example');

const ROWS =
  "Array.from(document.querySelectorAll('tbody tr'), (row) => Array.from(row.cells, (cell) => cell.textContent))";

type Chosen = Parameters<ReturnType<Page['getByLabel']>['setInputFiles']>[0];

/** What the page shows. */
interface Shown {
  readonly status: string;
  readonly problems: readonly string[];
  /** Caption and cells; undefined while there is no table. */
  readonly caption: string | undefined;
  readonly rows: readonly (readonly string[])[];
}

describe('the example page', { skip: missing('chromium') }, () => {
  let browser: TestBrowser;

  before(async () => {
    const { code } = await bundleOf(readFileSync(join(FOLDER, 'example.ts'), 'utf8'));
    browser = await TestBrowser.start({
      '/': { type: 'text/html', text: readFileSync(join(FOLDER, 'index.html'), 'utf8') },
      '/example.js': { type: 'text/javascript', text: code },
    });
  });
  after(() => browser.close());
  afterEach(() => assert.deepEqual(browser.errors.splice(0), []));

  async function opened(page: Page, capture: Chosen, keys?: Chosen): Promise<Shown> {
    await page.getByLabel('Capture of the traffic').setInputFiles(capture);
    if (keys !== undefined) await page.getByLabel('Keys').setInputFiles(keys);
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByRole('button', { name: 'Open', disabled: false }).waitFor();
    const table = page.getByRole('table');
    const shown = await table.isVisible();
    return {
      status: (await page.getByRole('status').textContent()) ?? '',
      problems: await page.getByRole('list', { name: 'Problems' }).getByRole('listitem').allTextContents(),
      caption: shown ? ((await table.locator('caption').textContent()) ?? '') : undefined,
      rows: shown ? await page.evaluate<string[][]>(ROWS) : [],
    };
  }

  for (const keys of ['07-encrypted.xfrm.txt', 'swarm-keys.txt']) {
    test(`shows the 126 inner frames of an encrypted capture, with the keys of ${keys}`, async () => {
      const page = await browser.open('/');
      const { status, problems, caption, rows } = await opened(
        page,
        fixture('docker/07-encrypted.underlay.pcap'),
        fixture(`docker/${keys}`),
      );
      assert.match(status, /^07-encrypted\.underlay\.pcap: \d+ packets = 126 with inner frames \+ 0 ESP /);
      assert.deepEqual([caption, rows.length, problems], ['126 inner frames', 126, []]);
      // Each row matches a frame that the container saw, by addresses and length.
      const seen = (await framesOf(fixture('docker/07-encrypted.web2.pcap'))).map(({ hex }) => {
        const bytes = Buffer.from(hex, 'hex');
        const ip =
          bytes.readUInt16BE(12) === 0x0800 ? [26, 30].map((at) => bytes.subarray(at, at + 4).join('.')) : ['', ''];
        return [formatMac(bytes, 6), formatMac(bytes, 0), ...ip, String(bytes.length)].join(' ');
      });
      for (const [packet, vni, ...cells] of rows) {
        assert.match(packet, /^\d+$/);
        assert.equal(vni, '4099');
        assert.ok(seen.includes(cells.join(' ')), cells.join(' '));
      }
    });
  }

  test('without keys it reports how many packets stay encrypted, and shows no table', async () => {
    const shown = await opened(await browser.open('/'), fixture('esp/09-esp-frag-1500.underlay.pcap'));
    assert.match(shown.status, / = 0 with inner frames \+ 30 ESP that no key was given for \+ /);
    assert.equal(shown.caption, undefined);
  });

  test('opens captures one after another, and reports problems', async () => {
    const page = await browser.open('/');
    const clear = await opened(page, fixture('vxlan/30-outerfrag-1500-icmp.underlay.pcap'));
    assert.equal(clear.rows.length, 32);
    const bytes = readFileSync(fixture('vxlan/50-ipv6-underlay.underlay.pcap'));
    const cut = { name: 'cut.pcap', mimeType: '', buffer: bytes.subarray(0, bytes.length - 1) };
    const { rows, problems } = await opened(page, cut);
    assert.equal(rows.length, 27);
    assert.match(problems[0], /^warning: 1 the file ends in the middle of the record at byte \d+/);
    const last = await opened(page, fixture('vxlan/07-unknown-dst.underlay.pcap'));
    assert.deepEqual([last.rows, last.problems], [[], []]);
  });

  test('shows at most 1,000 rows, and how many there are', async () => {
    const keys = ['0-before', '4-after'].map((step) =>
      readFileSync(fixture(`esp/08-esp-key-rotation.${step}.xfrm.txt`)),
    );
    const shown = await opened(await browser.open('/'), fixture('esp/08-esp-key-rotation.underlay.pcap'), {
      name: 'keys.txt',
      mimeType: '',
      buffer: Buffer.concat(keys),
    });
    assert.deepEqual([shown.rows.length, shown.caption], [1000, 'The first 1000 of 1137 inner frames']);
  });

  test('reports what is wrong with a file, and shows markup in a name as text', async () => {
    const page = await browser.open('/');
    const name = '<img src=x onerror=alert(1)>.pcap';
    const shown = await opened(page, { name, mimeType: '', buffer: Buffer.from('no capture') });
    assert.equal(
      shown.status,
      `${name} can't be opened: it is neither pcap nor pcapng but a text file; tcpdump's text output contains no packets, so capture with tcpdump -w FILE.pcap`,
    );
    assert.equal(await page.locator('img').count(), 0);
    const key = '43821b91e82886d2f3c6bfe1afcd9bdc';
    const keys = { name: 'keys.yaml', mimeType: '', buffer: Buffer.from(`keys: [{ tag: x, key: '${key}' }]`) };
    const refused = await opened(page, fixture('vxlan/01-icmp.underlay.pcap'), keys);
    assert.match(refused.status, /can't be opened: line 1, column \d+: key 1 of the ring has no numeric tag$/);
    assert.equal(refused.caption, undefined);
  });

  test('can send nothing: its policy blocks every connection', async () => {
    const page = await browser.open('/');
    const outcome = await page.evaluate("fetch('/').then(() => 'sent', () => 'refused')");
    assert.equal(outcome, 'refused');
    assert.ok(browser.errors.splice(0).some((text) => text.includes('Content Security Policy')));
  });
});
