/** The page in a real browser: it requests nothing, reports no error, and can be used by keyboard on any screen. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { reportHtml } from '../../src/report/index.js';
import { TestBrowser } from '../native-free/browser.js';
import { missing } from '../repository.js';
import { largeContents, sampleContents } from './sample-contents.js';

const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 400, height: 800 };

describe('the page in Chromium', { skip: missing('chromium') }, () => {
  let browser: TestBrowser;
  let page: Page;
  const requests: string[] = [];

  before(async () => {
    browser = await TestBrowser.start({
      '/': { type: 'text/html', text: reportHtml(sampleContents()) },
      '/large': { type: 'text/html', text: reportHtml(largeContents()) },
    });
    page = await browser.open('/');
    page.on('request', (request) => requests.push(request.url()));
    await page.setViewportSize(WIDE);
  });
  after(() => browser.close());
  afterEach(() => assert.deepEqual(browser.errors.splice(0), []));

  /** Runs an expression in the page. */
  async function evaluated<T>(expression: string): Promise<T> {
    return page.evaluate<T>(expression);
  }

  test('it loads without any request but that for itself', async () => {
    await page.reload({ waitUntil: 'networkidle' });
    assert.deepEqual(requests.splice(0), [`${browser.address}/`]);
  });

  test('its policy refuses what it does not contain', async () => {
    const outcome = await evaluated<string>(`fetch('/').then(() => 'fetched', () => 'refused')`);
    assert.equal(outcome, 'refused');
    assert.match(browser.errors.splice(0).join('\n'), /Content Security Policy/);
    requests.length = 0;
  });

  test('a table is sorted by the buttons of its heads: numbers by value, the largest first, then the other way round', async () => {
    const cells = `[...document.querySelectorAll('#conversations-table tbody tr')].map((row) => row.cells[1].textContent)`;
    const sorted = `document.querySelector('#conversations-table th[aria-sort]')?.ariaSort`;
    const before = await evaluated<string[]>(cells);
    const bytes = page.locator('#conversations-table th button', { hasText: 'Bytes' });
    await bytes.focus();
    await page.keyboard.press('Enter');
    assert.deepEqual(await evaluated(cells), before);
    assert.equal(await evaluated(sorted), 'descending');
    await page.keyboard.press('Enter');
    assert.deepEqual(await evaluated(cells), before.toReversed());
    assert.equal(await evaluated(sorted), 'ascending');
  });

  test('addresses are sorted as people sort them, and empty cells come last in both directions', async () => {
    const column = (at: number): string =>
      `[...document.querySelectorAll('#conversations-table tbody tr')].map((row) => row.cells[${at}].textContent)`;
    await page.locator('#conversations-table th button', { hasText: 'Conversation' }).click();
    const [first, second] = await evaluated<string[]>(column(0));
    assert.ok(first.startsWith('10.0.1.5:80') && second.startsWith('10.0.1.7:80'), `${first} ${second}`);
    for (let i = 0; i < 2; i++) {
      await page.locator('#conversations-table th button', { hasText: 'RTT' }).click();
      assert.equal((await evaluated<string[]>(column(5))).at(-1), '');
    }
  });

  test('the throughput is read at a cursor, by arrow keys and by pointer', async () => {
    const scrub = page.locator('.scrub input');
    await scrub.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    const text = await page.locator('.scrub output').textContent();
    assert.match(text ?? '', /^\+2\.000 s VNI 4097 [\d.]+ · VNI 4098 [\d.]+ · other traffic [\d.]+ Mbit\/s$/);
    assert.match(
      await evaluated<string>(`document.querySelector('.scrub input').ariaValueText`),
      /^\+2\.000 s, VNI 4097/,
    );
    const plot = page.locator('.throughput .plot').first();
    const width = await evaluated<number>(`document.querySelector('.throughput .plot').clientWidth`);
    await plot.hover({ position: { x: width - 2, y: 20 } });
    assert.match((await page.locator('.scrub output').textContent()) ?? '', /^\+89\.000 s/);
  });

  test('the first Tab leads to a link that skips to the findings, and focus is always visible', async () => {
    await page.reload();
    await page.keyboard.press('Tab');
    assert.equal(await evaluated('document.activeElement.textContent'), 'Skip to the findings');
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab');
      const state = await evaluated<string>(
        `(() => { const { tagName } = document.activeElement; const style = getComputedStyle(document.activeElement);
          return tagName === 'BODY' ? 'end' : style.outlineStyle === 'none' ? 'hidden ' + document.activeElement.outerHTML.slice(0, 120) : 'visible'; })()`,
      );
      if (state === 'end') break;
      assert.equal(state, 'visible');
    }
  });

  test('the closed parts open by keyboard', async () => {
    const summary = page.locator('details.data summary').first();
    await summary.focus();
    await page.keyboard.press('Enter');
    assert.equal(await evaluated(`document.querySelector('details.data').open`), true);
  });

  for (const [path, sizes] of [
    ['/', [WIDE, { width: 800, height: 800 }, NARROW]],
    ['/large', [NARROW]],
  ] as const) {
    test(`${path} fits ${sizes.map(({ width }) => width).join(', ')} pixels: nothing makes the page scroll sideways`, async () => {
      await page.goto(browser.address + path);
      await evaluated(`document.querySelectorAll('details').forEach((one) => (one.open = true))`);
      for (const size of sizes) {
        await page.setViewportSize(size);
        const wider = await evaluated<string[]>(
          `[...document.querySelectorAll('body *')].filter((one) => !one.closest('.scroll, svg, .skip')
            && one.getBoundingClientRect().right > innerWidth + 0.5).map((one) => one.outerHTML.slice(0, 100))`,
        );
        assert.deepEqual(wider, [], `${size.width} pixels`);
        assert.ok(await evaluated<boolean>('document.documentElement.scrollWidth <= innerWidth'));
      }
    });
  }

  test('one of the two pictures of the overlay is shown, the one that fits', async () => {
    await page.goto(`${browser.address}/`);
    for (const [size, shown] of [
      [WIDE, ['wide-only']],
      [NARROW, ['narrow-only']],
    ] as const) {
      await page.setViewportSize(size);
      const visible = await evaluated<string[]>(
        `['wide-only', 'narrow-only'].filter((name) => document.querySelector('.' + name).checkVisibility())`,
      );
      assert.deepEqual(visible, shown);
    }
  });

  test('on paper, it is light, and the evidence of all findings is there', async () => {
    await page.goto(`${browser.address}/`);
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    assert.equal(await evaluated(`getComputedStyle(document.body).color`), 'rgb(31, 35, 40)');
    await evaluated(`dispatchEvent(new Event('beforeprint'))`);
    assert.equal(await evaluated(`[...document.querySelectorAll('.finding details')].every((one) => one.open)`), true);
    await evaluated(`dispatchEvent(new Event('afterprint'))`);
    assert.equal(await evaluated(`document.querySelectorAll('.finding details[open]').length`), 1);
    await page.emulateMedia({ media: 'screen', colorScheme: 'light' });
  });
});
