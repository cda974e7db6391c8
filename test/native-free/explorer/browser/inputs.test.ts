/** Files that are chosen, dropped and pasted: the counts are those of `vtep inspect`, and errors say what is wrong. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { SurveyReport } from '../../../../src/inspect/index.js';
import { formatEspSa } from '../../../../src/ipsec/index.js';
import { parseKeys } from '../../../../src/overlay/files.js';
import { scratch, vtep } from '../../../cli/run.js';
import { fixture, missing } from '../../../repository.js';
import { ExplorerBrowser, type ExplorerPage, numberOf } from './explorer-browser.js';

const ENCRYPTED = fixture('docker/07-encrypted.underlay.pcap');
const XFRM = fixture('docker/07-encrypted.xfrm.txt');

function espSaOf(dump: string): string {
  const keys = parseKeys(dump);
  assert.ok(keys.kind !== 'ring');
  return formatEspSa(keys.associations);
}

/** The ring of a swarm as a file of keys for `--keys`. */
function ringOf(swarmKeys: string): string {
  const keys = [...swarmKeys.matchAll(/^networking:ipsec lamport (\d+) key (\w+)/gm)];
  return `keys:\n${keys.map(([, tag, key]) => `  - { tag: ${tag}, key: '${key}' }`).join('\n')}\n`;
}

describe('files in the explorer', { skip: missing('chromium') }, () => {
  const folder = scratch();
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

  async function inspected(capture: string, keys?: string): Promise<SurveyReport> {
    const { stdout, stderr } = await vtep([
      'inspect',
      '--json',
      capture,
      ...(keys === undefined ? [] : ['--keys', keys]),
    ]);
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout) as SurveyReport;
  }

  /** Compares the overview with what `vtep inspect` says. */
  async function compared(expected: SurveyReport): Promise<void> {
    const figures = await page.figures();
    const { inFrames, esp, other, held, dropped } = expected.accounting;
    assert.deepEqual(
      {
        packets: numberOf(figures['packets']),
        inFrames: numberOf(figures['with inner frames']) + numberOf(figures['held fragments']),
        esp: numberOf(figures['encrypted, no key']),
        other: numberOf(figures['other']),
        dropped: numberOf(figures['dropped']),
      },
      {
        packets: expected.packets,
        inFrames: inFrames + held,
        esp,
        other,
        dropped: Object.values(dropped).reduce((sum, count) => sum + count, 0),
      },
    );
    const vnis = await page.page
      .getByRole('region', { name: 'Networks of the selected packets' })
      .locator('tbody th')
      .allTextContents();
    assert.deepEqual(
      vnis.map(Number).sort((a, b) => a - b),
      expected.networks.map(({ vni }) => vni).sort((a, b) => a - b),
    );
  }

  for (const path of [
    'docker/03-vip-http.underlay.pcap',
    'vxlan/30-outerfrag-1500-icmp.underlay.pcap',
    'vxlan/50-ipv6-underlay.underlay.pcap',
    'captures/bigtcp-ipv4-vxlan-ipv4.pcap.gz',
    'captures/spb-times.pcapng',
  ]) {
    test(`${path}: the counts are those of vtep inspect`, async () => {
      await page.choose(fixture(path));
      await page.idle();
      await compared(await inspected(fixture(path)));
    });
  }

  const kinds: readonly (readonly [what: string, name: string, text: () => string])[] = [
    ['an ip xfrm state dump', 'xfrm.txt', () => readFileSync(XFRM, 'utf8')],
    ['the keys of a swarm', 'swarm-keys.txt', () => readFileSync(fixture('docker/swarm-keys.txt'), 'utf8')],
    ['esp_sa of Wireshark', 'esp_sa', () => espSaOf(readFileSync(XFRM, 'utf8'))],
    ['a key ring', 'ring.yaml', () => ringOf(readFileSync(fixture('docker/swarm-keys.txt'), 'utf8'))],
  ];
  for (const [what, name, text] of kinds) {
    test(`an encrypted capture opens with ${what}`, async () => {
      const path = join(folder, name);
      writeFileSync(path, text());
      await page.choose(ENCRYPTED, path);
      await page.idle();
      const expected = await inspected(ENCRYPTED, path);
      assert.equal(expected.accounting.inFrames, 126);
      await compared(expected);
      assert.deepEqual(await page.problems(), []);
    });
  }

  test('wrong keys open nothing, and the counts and the findings say so', async () => {
    const path = join(folder, 'wrong.txt');
    const changed = readFileSync(XFRM, 'utf8').replace(/(aead \S+ 0x)(\w)/g, (_, start: string, digit: string) => {
      return start + (digit === '0' ? '1' : '0');
    });
    writeFileSync(path, changed);
    await page.choose(ENCRYPTED, path);
    await page.idle();
    const expected = await inspected(ENCRYPTED, path);
    assert.deepEqual(Object.values(expected.accounting.dropped), [126]);
    await compared(expected);
    assert.match(await page.panel(), /ESP fails its integrity check\s+The key for SPI .* every ICV is wrong/);
  });

  test('right keys count after wrong ones, and keys can be taken back', async () => {
    const wrong = readFileSync(XFRM, 'utf8').replaceAll(/(aead \S+ 0x)\w/g, (_, start: string) => `${start}0`);
    const shows = (what: string): Promise<void> =>
      page.page.locator('.figures > div', { hasText: new RegExp(`^${what}$`) }).waitFor();
    await page.choose(ENCRYPTED, { name: 'wrong.txt', bytes: Buffer.from(wrong) });
    await shows('dropped126');
    await page.page.keyboard.press('o');
    await page.choose(XFRM);
    await shows('with inner frames126');
    await page.page.getByLabel(`Remove ${basename(XFRM)}`).click();
    await shows('dropped126');
    await page.page.getByLabel('Remove wrong.txt').click();
    await shows('encrypted, no key126');
  });

  test('a damaged capture shows the packets before the damage, and what is wrong', async () => {
    const bytes = readFileSync(fixture('vxlan/50-ipv6-underlay.underlay.pcap'));
    const path = join(folder, 'cut.pcap');
    writeFileSync(path, bytes.subarray(0, bytes.length - 1));
    await page.choose(path);
    await page.idle();
    await compared(await inspected(path));
    assert.match(await page.panel(), /A capture is not whole\s+cut\.pcap could not be read to its end/);
  });

  test('what is no capture is refused with the reason', async () => {
    const cases: readonly (readonly [name: string, bytes: Uint8Array, problem: RegExp])[] = [
      ['empty.pcap', new Uint8Array(), /^empty\.pcap: it is empty/],
      ['picture.png', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13), /^picture\.png: .+/],
      ['program', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0), /^program: .+/],
    ];
    await page.choose(...cases.map(([name, bytes]) => ({ name, bytes })));
    await page.page
      .locator('.problems li')
      .nth(cases.length - 1)
      .waitFor();
    const problems = await page.problems();
    cases.forEach(([, , problem], i) => assert.match(problems[i], problem));
  });

  test('files can be dropped on the page, and keys pasted', async () => {
    const dropped = readFileSync(ENCRYPTED).toString('base64');
    await page.page.evaluate(`{
      const transfer = new DataTransfer();
      const bytes = Uint8Array.from(atob('${dropped}'), (one) => one.charCodeAt(0));
      transfer.items.add(new File([bytes], 'wire.pcap'));
      for (const type of ['dragover', 'drop'])
        document.body.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }`);
    await page.lists('wire.pcap');
    await page.idle();
    assert.equal((await page.figures())['encrypted, no key'], '126');
    await page.page.evaluate(`{
      const transfer = new DataTransfer();
      transfer.setData('text/plain', ${JSON.stringify(readFileSync(XFRM, 'utf8'))});
      document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true }));
    }`);
    await page.lists('pasted text');
    await page.idle();
    await page.page.locator('.figures dd', { hasText: /^126$/ }).waitFor();
    const figures = await page.figures();
    assert.deepEqual([figures['encrypted, no key'], figures['with inner frames']], ['0', '126']);
  });

  test('the recording that comes with the page opens, decrypted', async () => {
    await page.page.getByRole('button', { name: 'Try it' }).click();
    await page.lists('swarm-keys.txt');
    await page.idle();
    const figures = await page.figures();
    assert.deepEqual([figures['packets'], figures['encrypted, no key']], ['42', '0']);
    assert.notEqual(figures['with inner frames'], '0');
  });
});
