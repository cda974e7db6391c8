/** Files that want to do harm: no text in them runs or becomes markup, and none makes the page hang. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { generated } from '../../../generate/generated.js';
import { fixture, missing } from '../../../repository.js';
import { ExplorerBrowser, type ExplorerPage, type MadeFile, numberOf, VIEW_NAMES } from './explorer-browser.js';
import { block, options, pcapng, pcapngInterface, pcapngPacket } from './pcapng-blocks.js';

const MARKUP = '<img src=x onerror="globalThis.ran=1"><script>globalThis.ran=1</script>';
/** In quotes, attributes and addresses. */
const QUOTED = `"'><svg onload=alert(1)> javascript:alert(1)`;

/** What markup in a file could have made. */
const INJECTED = `({
  ran: globalThis.ran,
  elements: Array.from(
    document.querySelectorAll('img, iframe, object, embed, base, meta[http-equiv=refresh], form[action], [onerror], [onload], [onclick]'),
    (one) => one.outerHTML,
  ),
  scripts: document.scripts.length,
  addresses: Array.from(document.querySelectorAll('[href], [src]'), (one) => one.getAttribute('href') ?? one.getAttribute('src'))
    .filter((one) => one !== 'data:,' && !one.startsWith('#')),
})`;
const NOTHING = { ran: undefined, elements: [], scripts: 3, addresses: [] };

/** JSON with markup in all names. */
function withMarkup(json: string): string {
  const hostile = (value: unknown, key = ''): unknown => {
    if (Array.isArray(value)) return value.map((one) => hostile(one));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([name, one]) => [key === 'Services' ? MARKUP + name : name, hostile(one, name)]),
      );
    }
    return typeof value === 'string' && /name|hostname/i.test(key) ? MARKUP + value : value;
  };
  return JSON.stringify(hostile(JSON.parse(json)));
}

function captures(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.pcap(?:ng)?(?:\.gz)?$/.test(name))
    .map((name) => join(folder, name));
}

describe('hostile files in the explorer', { skip: missing('chromium') }, () => {
  let browser: ExplorerBrowser;
  let page: ExplorerPage;

  before(async () => {
    browser = await ExplorerBrowser.start();
    page = await browser.open();
  });
  after(() => browser.close());
  afterEach(async () => {
    assert.deepEqual(browser.takeFaults(), []);
    await page.page.reload();
  });

  test('markup in all texts of pcapng, in names of files, services, tasks and nodes stays text', async () => {
    const { bytes, generator } = generated({ packets: 300, traffic: { vip: 1, tcp: 1, dns: 1 } });
    const frame = Buffer.from('ffffffffffff02000000000188b5', 'hex');
    const comment = { code: 1, text: MARKUP };
    const texts = pcapng(
      [2, 3, 4].map((code) => ({ code, text: MARKUP })).concat(comment),
      pcapngInterface(1, [2, 3, 12, 15].map((code) => ({ code, text: QUOTED + MARKUP })).concat(comment)),
      pcapngPacket(0, frame, [comment]),
      // Names of addresses.
      block(
        4,
        Buffer.concat([
          Buffer.from([1, 0, 4 + MARKUP.length + 1, 0, 192, 168, 50, 1]),
          Buffer.from(MARKUP),
          Buffer.alloc(4),
        ]),
      ),
      block(5, Buffer.concat([Buffer.alloc(12), options([comment])])),
    );
    await page.choose(
      { name: `${MARKUP}.pcapng`, bytes: texts },
      { name: `${QUOTED}.pcap`, bytes },
      { name: `${MARKUP}.json`, bytes: Buffer.from(withMarkup(generator.dockerNetworks())) },
      { name: `${MARKUP}.bin`, bytes: Uint8Array.of(0, 1, 2, 3) },
    );
    await page.idle();
    let shown = '';
    for (const view of VIEW_NAMES) {
      await page.show(view);
      if (view === 'packets') {
        await page.page.locator('[role=grid]').press('Home');
        await page.page.locator('[role=grid]').press('Enter');
        await page.page.locator('[role=treeitem]').first().waitFor();
      }
      assert.deepEqual(await page.page.evaluate(INJECTED), NOTHING, view);
      shown += await page.panel();
    }
    assert.ok(shown.includes('<img src=x'), 'the names of services are shown');
    assert.ok((await page.problems()).join('\n').includes(`${MARKUP}.bin`));
    // In the address, too.
    await page.page.evaluate(`location.hash = '#packets?filter=' + encodeURIComponent(${JSON.stringify(MARKUP)})`);
    await page.page.locator('.filter-problem').waitFor();
    assert.deepEqual(await page.page.evaluate(INJECTED), NOTHING);
    await page.page.evaluate("location.hash = '#overview'");
  });

  const section = (order: number, length: number): Buffer => {
    const bytes = pcapng([], pcapngInterface(1, []), pcapngPacket(0, Buffer.alloc(60), []));
    // The length of the packet's block, which follows the section and its interface.
    bytes.writeUInt32LE(length, order);
    return bytes;
  };
  const pcapHeader = Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex');
  const noise = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * i * 31 + (i >> 3) * 7) & 0xff));
  const interfaces = Array.from({ length: 100_000 }, () => pcapngInterface(1, []));
  const files: readonly MadeFile[] = [
    { name: 'header-only.pcap', bytes: pcapHeader },
    { name: 'cut-header.pcap', bytes: pcapHeader.subarray(0, 20) },
    { name: 'noise-after-header.pcap', bytes: Buffer.concat([pcapHeader, noise]) },
    { name: 'noise-after-section.pcapng', bytes: Buffer.concat([pcapng([]), noise]) },
    { name: 'block-length-0.pcapng', bytes: section(52, 0) },
    { name: 'block-length-max.pcapng', bytes: section(52, 0xffff_ffff) },
    { name: 'record-length-max.pcap', bytes: Buffer.concat([pcapHeader, Buffer.alloc(8), Buffer.alloc(8, 0xff)]) },
    {
      name: 'interfaces.pcapng',
      bytes: Buffer.concat([pcapng([]), ...interfaces, pcapngPacket(99_999, Buffer.alloc(60), [])]),
    },
    { name: 'nulls.pcap', bytes: Buffer.concat([pcapHeader, Buffer.alloc(500_000)]) },
  ];
  for (const file of files) {
    test(`${file.name}: the page answers while and after it reads it`, async () => {
      await page.choose(file);
      await page.page.keyboard.press('?');
      await page.page.getByRole('dialog').waitFor();
      await page.page.keyboard.press('Escape');
      // A file of which nothing can be read is listed until that is known.
      const state = page.page.locator('.state-text', { hasText: /^(?:[\d,]+ packets|Not read)$/ });
      await page.page.locator('.problems li').or(state).first().waitFor();
      if ((await page.page.locator('.open-files').count()) > 0) {
        await page.idle();
        await page.show('packets');
        await page.show('overview');
      }
      assert.ok((await page.page.locator('body').innerText()).includes(file.name));
    });
  }

  test('all recordings at once, read as one', async () => {
    const paths = ['vxlan', 'esp', 'docker', 'captures', 'services'].flatMap((folder) => captures(fixture(folder)));
    await page.choose(...paths.map((path) => ({ name: path.slice(-40), bytes: readFileSync(path) })));
    await page.idle();
    for (const view of VIEW_NAMES) await page.show(view);
    await page.show('overview');
    assert.ok(numberOf((await page.figures())['packets']) > 10_000);
  });
});

describe('the policy of the explorer', { skip: missing('chromium') }, () => {
  let browser: ExplorerBrowser;
  let connections = 0;
  // Whatever is not the page's own file.
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    browser = await ExplorerBrowser.start();
  });
  after(async () => {
    server.close();
    await browser.close();
  });

  test('refuses further scripts, code from text, markup from text, and requests to anywhere', async () => {
    const { page } = await browser.open();
    const outside = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content');
    assert.match(policy ?? '', /^default-src 'none'; script-src 'sha256-/);
    const outcomes = await page.evaluate<Record<string, string>>(`new Promise((resolve) => setTimeout(async () => {
      const outcome = async (act) => { try { await act(); return 'done'; } catch (error) { return error.name; } };
      const element = (name, set) => () => new Promise((done, failed) => {
        const one = document.createElement(name);
        one.onload = done;
        one.onerror = () => failed(new DOMException('', 'Refused'));
        set(one);
        document.body.append(one);
      });
      resolve({
        'eval': await outcome(() => globalThis.eval('1')),
        'Function': await outcome(() => new Function('return 1')()),
        'inline script': await outcome(() => { document.body.append(Object.assign(document.createElement('script'), { text: 'globalThis.ran = 1' })); }),
        'innerHTML': await outcome(() => { document.body.innerHTML = '<b>x</b>'; }),
        'fetch': await outcome(() => fetch('${outside}')),
        'image': await outcome(element('img', (one) => { one.src = '${outside}x.png'; })),
        'style sheet': await outcome(element('link', (one) => { one.rel = 'stylesheet'; one.href = '${outside}x.css'; })),
        'ran': String(globalThis.ran),
      });
    }))`);
    assert.deepEqual(outcomes, {
      eval: 'EvalError',
      Function: 'EvalError',
      'inline script': 'TypeError',
      innerHTML: 'TypeError',
      fetch: 'TypeError',
      image: 'Refused',
      'style sheet': 'Refused',
      ran: 'undefined',
    });
    assert.ok(browser.errors.length > 0);
    assert.equal(connections, 0);
  });
});
