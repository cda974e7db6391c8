/** `vtep/native-free` in a real browser: recorded captures give the recorded frames, byte for byte. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { chooseAead, hkdfSha256 } from '../../src/aead/index.js';
import { DropReason, UnderlayDecoder, Verdict } from '../../src/dataplane/index.js';
import { InboundEsp, InboundSa, Sad } from '../../src/ipsec/index.js';
import { ClusterKey, deriveSa, parseIp, Profile, SpiForm } from '../../src/overlay/index.js';
import { assertCrossed, countOf, framesOf } from '../cli/frames.js';
import { configText } from '../dataplane/topology.js';
import { fixture, missing, ROOT } from '../repository.js';
import { TestBrowser } from './browser.js';
import { bundleOf } from './bundle.js';
import * as inNode from './page.js';

type Program = typeof inNode;

const HTML = '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>vtep</title>';
const C1_TO_C2 = '02420a00090402420a000903';

/** ESP recordings: keys, the number of frames in them, and of ESP packets. */
const ENCRYPTED: readonly (readonly [name: string, frames: number, packets: number, keys?: readonly string[]])[] = [
  ['esp/01-esp-docker-aes128-icv64', 151, 151],
  ['esp/03-esp-padding', 82, 82],
  ['esp/05-esp-aes256-icv128-esn', 64, 64],
  [
    'esp/08-esp-key-rotation',
    1137,
    1137,
    ['0-before', '1-rx-added', '2-n1-switched', '3-n2-switched', '4-after'].map(
      (step) => `08-esp-key-rotation.${step}`,
    ),
  ],
  ['esp/09-esp-frag-1500', 20, 30],
  ['esp/12-esp-tunnel', 19, 19],
  ['esp/13-esp-natt', 8, 8],
  ['esp/14-esp-ipv6', 14, 14],
];

/** Clear recordings with outer fragments, IPv6 or tags. */
const CLEAR = [
  ['vxlan/30-outerfrag-1500-icmp', 'underlay', 32],
  ['vxlan/40-routed-router-frag', 'underlay-n2', 8],
  ['vxlan/50-ipv6-underlay', 'underlay', 26],
  ['esp/16-vxlan-frag-reorder-dup-loss', 'underlay', 55],
  ['esp/20-vlan-inner-proxy', 'underlay', 14],
] as const;

const FORMATS = [
  'usec.pcap',
  'nsec.pcap',
  'modified-kuznetzov.pcap',
  'editcap-nsec.pcap',
  'dumpcap.pcapng',
  'editcap.pcapng',
];

describe('in Chromium', { skip: missing('chromium') }, () => {
  let browser: TestBrowser;
  let page: Page;

  before(async () => {
    const entry = JSON.stringify(join(ROOT, 'dist/test/native-free/page.js'));
    const { code } = await bundleOf(`export * from ${entry};`);
    browser = await TestBrowser.start({
      '/': { type: 'text/html', text: HTML },
      '/page.js': { type: 'text/javascript', text: code },
    });
    page = await browser.open('/');
  });
  after(() => browser.close());
  afterEach(() => assert.deepEqual(browser.errors.splice(0), []));

  /** Calls a function of page.ts in the browser. */
  async function call<Name extends keyof Program>(
    name: Name,
    args: Parameters<Program[Name]>,
    on = page,
  ): Promise<Awaited<ReturnType<Program[Name]>>> {
    const script = `import('/page.js').then((page) => page.${name}(...${JSON.stringify(args)}))`;
    return on.evaluate<Awaited<ReturnType<Program[Name]>>>(script);
  }

  const at = (path: string): string => `${browser.address}/fixtures/${path}`;

  async function crossed(name: string, frames: readonly inNode.InnerFrame[]): Promise<void> {
    assertCrossed(frames, await framesOf(fixture(`${name}.c1.pcap`)), await framesOf(fixture(`${name}.c2.pcap`)));
  }

  for (const [name, frames, packets, keys] of ENCRYPTED) {
    test(`${name} opens to exactly the ${frames} frames that both containers saw`, async () => {
      const files = (keys ?? [name.slice(4)]).map((file) => at(`esp/${file}.xfrm.txt`));
      const opened = await call('open', [at(`${name}.underlay.pcap`), files]);
      await crossed(name, opened.frames);
      assert.ok(opened.frames.every(({ vni }) => vni === 4097));
      assert.deepEqual([opened.frames.length, opened.opened, opened.esp], [frames, packets, 0]);
    });
  }

  for (const keys of ['07-encrypted.xfrm.txt', 'swarm-keys.txt']) {
    test(`docker/07-encrypted with ${keys}: 126 frames of VNI 4099, as the container on node 2 saw them`, async () => {
      const opened = await call('open', [at('docker/07-encrypted.underlay.pcap'), [at(`docker/${keys}`)]]);
      const seen = countOf(await framesOf(fixture('docker/07-encrypted.web2.pcap')));
      assert.deepEqual([opened.frames.length, opened.opened], [126, 126]);
      assert.ok(opened.frames.every(({ vni }) => vni === 4099));
      for (const [hex, count] of countOf(opened.frames)) assert.ok((seen.get(hex) ?? 0) >= count, hex);
    });
  }

  test('without keys ESP is not opened, and with wrong keys each packet is dropped by its ICV', async () => {
    const capture = at('esp/01-esp-docker-aes128-icv64.underlay.pcap');
    const closed = await call('open', [capture, []]);
    assert.deepEqual([closed.frames, closed.opened, closed.esp], [[], 0, 151]);
    const ring = readFileSync(fixture('docker/swarm-keys.txt'), 'utf8');
    const key = /ipsec lamport 29944 key (\S+)/.exec(ring)?.[1];
    const strict = `data:text/plain,profile: strict%0Akeys: [{ tag: 29944, key: "${key}" }]`;
    const wrong = await call('open', [at('docker/07-encrypted.underlay.pcap'), [strict]]);
    assert.deepEqual([wrong.frames.length, wrong.opened, wrong.drops[DropReason.EspWrongIcv]], [0, 0, 126]);
  });

  for (const [name, wire, frames] of CLEAR) {
    test(`${name}: fragments are reassembled, and give the ${frames} frames that crossed`, async () => {
      const opened = await call('open', [at(`${name}.${wire}.pcap`), []]);
      const own = opened.frames.filter(({ vni }) => vni === 4097);
      await crossed(name, own);
      assert.equal(own.length, frames);
    });
  }

  test('one run in six pcap and pcapng formats gives the same frames', async () => {
    const runs = await Promise.all(FORMATS.map((form) => call('open', [at(`vxlan/10-formats.${form}`), []])));
    assert.equal(runs[0].frames.length, 26);
    for (const { frames } of runs) assert.deepEqual(frames, runs[0].frames);
  });

  test('a capture written as pcapng and read back has the same packets', async () => {
    const name = 'docker/03-vip-http.underlay.pcap';
    const recorded = (await framesOf(fixture(name))).map(({ hex }) => hex);
    assert.deepEqual(await call('rewritten', [at(name)]), recorded);
  });

  test('SPIs equal Docker’s', async () => {
    const [one, two, tag] = ['192.168.50.1', '192.168.50.2', 29_944] as const;
    assert.equal(await call('spi', [one, two, tag, SpiForm.Mapped]), 0xc207fc1c);
    assert.equal(await call('spi', [two, one, tag, SpiForm.Mapped]), 0x98a1ca54);
  });

  test('node-forge passes the self-test', async () => assert.equal(await call('wrong', []), undefined));

  for (const profile of [Profile.Swarm, Profile.Strict]) {
    test(`${profile}: a packet sealed in the browser opens in the browser, and in Node; a changed bit is detected`, async () => {
      const packet = '450000200000400040115579c0a83201c0a832029c4012b5000c000064617461';
      const trip = await call('sealAndOpen', [profile, 7, packet]);
      assert.deepEqual([trip.opened, trip.changed], [packet, Verdict.Dropped]);
      const key = new ClusterKey(7, Buffer.from(trip.key, 'hex'));
      const { aead } = chooseAead('node');
      const pair = { key, source: parseIp('192.168.50.1'), destination: parseIp('192.168.50.2') };
      const sad = new Sad<InboundSa>();
      sad.add(new InboundSa(deriveSa(profile, pair, hkdfSha256), aead));
      const decoder = new UnderlayDecoder({ esp: new InboundEsp(aead, sad) });
      const wire = Uint8Array.from(Buffer.from(trip.sealed, 'hex'));
      decoder.receive(101, wire, 0, wire.length, wire.length, 0);
      assert.ok(decoder.opened);
      const { outer, outerBytes } = decoder;
      assert.equal(Buffer.from(outerBytes.subarray(outer.networkOffset, outer.networkEnd)).toString('hex'), packet);
    });
  }

  for (const what of ['with WebAssembly', 'without WebAssembly']) {
    describe(what, () => {
      let own: Page;
      before(async () => {
        own = await browser.open('/', what === 'without WebAssembly' ? 'delete globalThis.WebAssembly;' : undefined);
        assert.equal(await call('hasWebAssembly', [], own), what === 'with WebAssembly');
      });

      for (const [way, setup, packets] of [
        ['clear', {}, 1],
        ['encrypted as in Swarm', { encrypted: true }, 1],
        ['encrypted strictly, over IPv6', { encrypted: true, profile: 'strict', family: 6 }, 1],
      ] as const) {
        test(`${way}: recorded frames cross the chains from node to node unchanged`, async () => {
          const name = 'vxlan/03-http-200k.c1.pcap';
          const frames = (await framesOf(fixture(name)))
            .map(({ hex }) => hex)
            .filter((hex) => hex.startsWith(C1_TO_C2));
          assert.ok(frames.length > 50);
          const { packets: sent, delivered } = await call('exchange', [configText(setup), frames], own);
          assert.deepEqual(delivered, frames);
          assert.equal(sent, frames.length * packets);
        });
      }

      for (const [capture, ...keys] of [
        ['vxlan/05-dns.underlay.pcap'],
        ['vxlan/60-offload-on-http.underlay.pcap'],
        ['docker/07-encrypted.underlay.pcap', 'docker/swarm-keys.txt'],
      ]) {
        test(`${capture}: the report and the lines equal Node’s`, async () => {
          const args = [at(capture), keys.map(at)] as const;
          const { report, lines } = await call('survey', [...args], own);
          assert.ok(report.frames > 20);
          assert.deepEqual({ report, lines }, JSON.parse(JSON.stringify(await inNode.survey(...args))));
        });
      }
    });
  }

  test('a truncated, changed or missing capture gives its packets and a typed error', async () => {
    const capture = at('vxlan/01-icmp.underlay.pcap');
    const length = readFileSync(fixture('vxlan/01-icmp.underlay.pcap')).length;
    assert.deepEqual(await call('damage', [capture, length]), { packets: 40, failure: undefined });
    const cut = await call('damage', [capture, length - 1]);
    assert.deepEqual([cut.packets, cut.failure?.code], [39, 'CAPTURE_CUT_OFF']);
    assert.match(cut.failure?.message ?? '', /^the file ends in the middle of the record at byte \d+: /);
    assert.equal((await call('damage', [capture, 0])).failure?.code, 'NOT_A_CAPTURE');
    assert.equal((await call('damage', [at('docker/swarm-keys.txt'), 1000])).failure?.code, 'NOT_A_CAPTURE');
    // The highest bits of a record's length, and of the file's magic number.
    for (const [index, code] of [
      [35, 'CAPTURE_DAMAGED'],
      [0, 'NOT_A_CAPTURE'],
    ] as const) {
      assert.equal((await call('damage', [capture, length, index])).failure?.code, code);
    }
  });

  test('invalid keys and configs are refused with a typed error, whose message has no key', async () => {
    const key = '43821b91e82886d2f3c6bfe1afcd9bdc';
    const keys = await call('refusal', ['keys', `- { tag: ${key}, key: '${key}' }\n`]);
    const config = await call('refusal', ['config', `nodes: { n1: { vtep: ${key} } }\nnetworks: { n: { vni: -1 } }\n`]);
    assert.ok(keys !== undefined && config !== undefined);
    assert.deepEqual([keys.code, config.code], ['BAD_KEY_RING', 'BAD_CONFIG']);
    assert.match(config.message, /^line 2, column \d+: /);
    for (const failure of [keys, config]) assert.doesNotMatch(failure.message, /43821b91/);
    assert.equal(await call('refusal', ['config', configText({ encrypted: true })]), undefined);
  });
});
