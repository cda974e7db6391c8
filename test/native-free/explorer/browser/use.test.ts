/** The explorer used by keyboard alone, its address, what it saves, and `vtep explore`. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, afterEach, before, describe, test } from 'node:test';
import { MemoryReader, openCapture } from '../../../../src/capture/index.js';
import { MAIN } from '../../../cli/run.js';
import { framesOf } from '../../../cli/frames.js';
import { fixture, missing, ROOT } from '../../../repository.js';
import { ExplorerBrowser, type ExplorerPage, VIEW_NAMES, type ViewName } from './explorer-browser.js';

const CAPTURE = fixture('docker/07-encrypted.underlay.pcap');
const KEYS = fixture('docker/07-encrypted.xfrm.txt');
const SWARM_KEYS = fixture('docker/swarm-keys.txt');

/** Presses of Tab, at most, to whatever a view has. */
const MAX_STEPS = 120;

/** The element that has the focus: its role or tag, and its name or text. */
const FOCUSED = `(() => {
  const one = document.activeElement;
  if (one === document.body) return ['body', ''];
  return [one.getAttribute('role') ?? one.tagName.toLowerCase(), one.getAttribute('aria-label') ?? one.textContent];
})()`;

describe('the explorer by keyboard', { skip: missing('chromium') }, () => {
  let browser: ExplorerBrowser;
  let page: ExplorerPage;

  before(async () => {
    browser = await ExplorerBrowser.start();
    page = await browser.openWith(CAPTURE, KEYS, SWARM_KEYS);
  });
  after(() => browser.close());
  afterEach(() => assert.deepEqual(browser.takeFaults(), []));

  const press = (key: string): Promise<void> => page.page.keyboard.press(key);
  // A browser without windows has no Alt and left arrow.
  const back = async (): Promise<void> => void (await page.page.goBack());
  const fragment = (): Promise<string> => page.page.evaluate<string>('decodeURIComponent(location.hash)');

  /** Presses Tab until a control has the focus. */
  async function tabTo(name: RegExp): Promise<void> {
    for (let i = 0; i < MAX_STEPS; i++) {
      const [, text] = await page.page.evaluate<[string, string]>(FOCUSED);
      if (name.test(text.trim())) return;
      await press('Tab');
    }
    assert.fail(`no control named ${String(name)} within ${MAX_STEPS} steps`);
  }

  async function selected(text: RegExp): Promise<void> {
    await page.page.locator('.selected', { hasText: text }).waitFor();
  }

  /** Without a filter, a range and a packet. */
  async function fresh(view: ViewName): Promise<void> {
    await page.page.evaluate(`location.hash = '#${view}'`);
    await page.page.locator(`#panel-${view}`).waitFor();
    await page.page.evaluate('document.activeElement?.blur()');
  }

  test('digits and arrows show the views, and the address says which', async () => {
    for (const view of [...VIEW_NAMES].reverse()) {
      await page.show(view);
      assert.equal(await fragment(), `#${view}`);
      assert.equal(await page.page.locator(`#tab-${view}`).getAttribute('aria-selected'), 'true');
    }
    await page.show('gossip');
    await page.page.locator('#tab-gossip').focus();
    await press('ArrowRight');
    assert.equal(await fragment(), '#overview');
    assert.deepEqual(await page.page.evaluate(FOCUSED), ['tab', 'Overview']);
    await press('End');
    assert.equal(await fragment(), '#gossip');
  });

  const picks: readonly (readonly [view: ViewName, control: RegExp, filter: string, count: RegExp])[] = [
    ['overview', /^4099$/, 'vni == 4099', /^126 of 773 packets/],
    ['map', /^192\.168\.50\.1 .*endpoint/, 'outer.addr == 192.168.50.1', /^\d+ of 773 packets/],
    ['timeline', /^VNI 4099$/, 'vni == 4099', /^126 of 773 packets/],
    ['flows', /^10\.0\.11\.\d/, 'flow == ', /^\d+ of 773 packets/],
    ['keys', /^0x[0-9a-f]{8}, /, 'esp.spi == 0x', /^\d+ of 773 packets/],
  ];
  for (const [view, control, filter, count] of picks) {
    test(`${view}: Enter on what it shows filters all views, and Back undoes it`, async () => {
      await fresh(view);
      await tabTo(control);
      await press('Enter');
      await selected(count);
      assert.ok((await fragment()).startsWith(`#${view}?filter=${filter}`), await fragment());
      await back();
      await page.page.locator('.selected:empty').waitFor({ state: 'attached' });
      assert.equal(await fragment(), `#${view}`);
    });
  }

  test('the timeline zooms and moves by keyboard, and Back undoes each step', async () => {
    await fresh('timeline');
    await tabTo(/^Chart/);
    await press('+');
    await selected(/ of 773 packets/);
    const zoomed = await fragment();
    assert.match(zoomed, /^#timeline\?from=[\d.]+&to=[\d.]+$/);
    await page.page.locator('.selected', { hasText: 'Selecting' }).waitFor({ state: 'detached' });
    await press('ArrowRight');
    assert.notEqual(await fragment(), zoomed);
    await back();
    assert.equal(await fragment(), zoomed);
    await back();
    assert.equal(await fragment(), '#timeline');
  });

  test('gossip: Enter on an event shows the packets around its time', async () => {
    await fresh('gossip');
    await tabTo(/^[\d.]+ m?s$/);
    await press('Enter');
    await selected(/ of 773 packets/);
    assert.match(await fragment(), /^#packets\?filter=gossip&from=[\d.]+&to=[\d.]+$/);
  });

  test('packets: arrows move, Enter opens the detail, arrows move in its tree, Esc closes it', async () => {
    await fresh('packets');
    await tabTo(/^Packets$/);
    await page.page.locator('[role=grid]').focus();
    await press('Home');
    await press('ArrowDown');
    await press('ArrowDown');
    await press('Enter');
    await page.page.getByRole('region', { name: 'Packet 3' }).waitFor();
    assert.equal(await fragment(), '#packets?packet=3');
    await press('ArrowDown');
    await page.page.getByRole('region', { name: 'Packet 4' }).waitFor();
    await tabTo(/^Layers$/);
    await press('ArrowDown');
    await press('ArrowDown');
    assert.equal(await page.page.locator('[role=treeitem][aria-selected=true]').count(), 1);
    await press('Escape');
    await page.page.getByRole('region', { name: 'Packet 4' }).waitFor({ state: 'detached' });
    assert.deepEqual(await page.page.evaluate(FOCUSED).then((one) => (one as string[])[0]), 'grid');
    await press('End');
    await page.page
      .locator('[role=row]', { has: page.page.getByText('773', { exact: true }) })
      .first()
      .waitFor();
  });

  test('the filter completes names, refuses what is wrong with the reason, and applies by Enter', async () => {
    await fresh('packets');
    await press('/');
    await page.page.keyboard.type('tcp.flags.s');
    await page.page.locator('[role=option]', { hasText: 'tcp.flags.syn' }).waitFor();
    await press('ArrowDown');
    await press('Enter');
    assert.match(await page.page.locator('[role=combobox]').inputValue(), /^tcp\.flags\.syn $/);
    await press('Escape');
    await press('Enter');
    await selected(/^\d+ of 773 packets/);
    await press('End');
    await page.page.keyboard.type(' and vnj == 1');
    await press('Enter');
    await page.page.locator('.filter-problem', { hasText: 'vnj' }).waitFor();
    assert.match(await fragment(), /^#packets\?filter=tcp\.flags\.syn$/);
  });

  test('the detail of a decrypted packet has the layers inside ESP, and their bytes', async () => {
    await fresh('packets');
    await page.page.evaluate("location.hash = '#packets?filter=' + encodeURIComponent('vni == 4099 and icmp')");
    await selected(/^\d+ of 773 packets/);
    await page.page.locator('[role=grid]').focus();
    await press('Home');
    await press('Enter');
    const labels = page.page.locator('[role=treeitem][aria-level="1"] .label');
    await labels.nth(4).waitFor();
    const layers = await labels.allTextContents();
    for (const layer of [/ESP|Encapsulating/, /VXLAN/, /ICMP/]) {
      assert.ok(
        layers.some((one) => layer.test(one)),
        `${String(layer)} in ${layers.join(', ')}`,
      );
    }
  });

  async function saved(button: string): Promise<Buffer> {
    const [download] = await Promise.all([
      page.page.waitForEvent('download'),
      page.page
        .getByRole('group', { name: 'Save the selected packets' })
        .getByRole('button', { name: button })
        .press('Enter'),
    ]);
    return readFileSync(await download.path());
  }

  async function packetsOf(bytes: Uint8Array): Promise<string[]> {
    const source = await openCapture(new MemoryReader(bytes));
    const packets: string[] = [];
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      for (let i = 0; i < batch.count; i++) {
        const at = batch.offset[i];
        packets.push(Buffer.from(batch.bytes.subarray(at, at + batch.capturedLength[i])).toString('hex'));
      }
    }
    return packets;
  }

  test('saves the selected packets as captured, the frames in them, and their rows', async () => {
    await fresh('packets');
    await page.page.evaluate("location.hash = '#packets?filter=' + encodeURIComponent('vni == 4099')");
    await selected(/^126 of 773 packets/);
    const all = new Set(await packetsOf(readFileSync(CAPTURE)));
    const outer = await packetsOf(await saved('pcapng'));
    assert.equal(outer.length, 126);
    assert.ok(outer.every((packet) => all.has(packet)));
    // What the container's own interface saw.
    const seen = new Set((await framesOf(fixture('docker/07-encrypted.web2.pcap'))).map(({ hex }) => hex));
    const inner = await packetsOf(await saved('Inner frames'));
    assert.equal(inner.length, 126);
    assert.ok(inner.filter((frame) => seen.has(frame)).length > 100);
    const rows = (await saved('CSV')).toString().trimEnd().split(/\r?\n/);
    assert.equal(rows.length, 127);
  });

  test('vtep explore: the link works once, captures are read in ranges, and a reload shows the same', async () => {
    const child = spawn(process.execPath, [MAIN, 'explore', CAPTURE, KEYS, SWARM_KEYS], { cwd: ROOT });
    try {
      const [link] = (await once(createInterface(child.stdout), 'line')) as [string];
      const served = await browser.open(link);
      const ranges: number[] = [];
      served.page.on('response', (response) => {
        if (response.url().endsWith('/files/0')) ranges.push(response.status());
      });
      await served.idle();
      const figures = await served.figures();
      assert.deepEqual([figures['packets'], figures['with inner frames']], ['773', '126']);
      assert.equal((await fetch(link)).status, 403);
      await served.show('gossip');
      await served.page.getByRole('heading', { name: /^Gossip .* decrypted$/ }).waitFor();
      await served.show('flows');
      await served.filter('vni == 4099 and tcp');
      await served.page.locator('.selected', { hasText: / of 773 packets/ }).waitFor();
      const flows = served.page.getByRole('heading', { name: 'Flows 3' });
      await flows.waitFor();
      const before = await served.panel();
      await served.page.reload();
      await served.idle();
      await flows.waitFor();
      assert.equal(await served.panel(), before);
      assert.equal(await served.page.locator('[role=combobox]').inputValue(), 'vni == 4099 and tcp');
      assert.ok(ranges.length > 0);
      assert.deepEqual([...new Set(ranges)], [206]);
      await served.close();
    } finally {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  });
});
