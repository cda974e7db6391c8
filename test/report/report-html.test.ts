import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { type ReportContents, reportHtml } from '../../src/report/index.js';
import { conversation, flows, series, survey, tunnel } from '../picture/sample-survey.js';
import { elementById, elementsOf, type PageElement, parsePage } from './html.js';
import { finding, largeContents, sampleContents } from './sample-contents.js';
import { largeGossip, NO_COUNTS, sampleGossip } from './sample-gossip.js';

/** Texts of a fixed vocabulary, which a page may turn into class names or compare. */
const WORDS = new Set([
  'error',
  'warning',
  'note',
  'certain',
  'likely',
  'possible',
  'switch',
  'vip',
  'pcapng',
  'TCP',
  'UDP',
]);
const MARKUP = `"'><img src=x onerror=alert(1)></style></script><script>alert(1)</script>&lt;&amp;`;

/** The same data with a text in place of every text from a capture. */
function replaced(value: unknown, text: string, name = ''): unknown {
  if (typeof value === 'string') return WORDS.has(value) || /Time$|^time$/.test(name) ? value : text;
  if (Array.isArray(value)) return value.map((one) => replaced(one, text));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replaced(inner, text, key)]));
}

function titles(page: PageElement): string[] {
  return elementsOf(page, 'h2').map(({ text }) => text);
}

function tagsOf(page: PageElement): string[] {
  return elementsOf(page, '*').map(({ name }) => name);
}

describe('a page', () => {
  const html = reportHtml(sampleContents());
  const page = parsePage(html);

  test('has findings first, and a section for each topic of the survey', () => {
    assert.deepEqual(titles(page), [
      'Findings',
      'Overlay',
      'Throughput by network',
      'Conversations',
      'Packet sizes and overhead',
      'Keys and rotations',
      'Services',
      'The capture',
    ]);
  });

  test('has one h1, and no heading skips a level', () => {
    const levels = elementsOf(page, '*').flatMap(({ name }) => (/^h[1-6]$/.test(name) ? [Number(name[1])] : []));
    assert.equal(levels[0], 1);
    assert.equal(levels.filter((level) => level === 1).length, 1);
    for (const [i, level] of levels.entries()) assert.ok(i === 0 || level <= levels[i - 1] + 1, `${i}: h${level}`);
  });

  test('every id is unique, and every link within the page has its target', () => {
    const ids = elementsOf(page, '*').flatMap(({ attributes }) => attributes.get('id') ?? []);
    assert.equal(new Set(ids).size, ids.length);
    const links = elementsOf(page, 'a').map(({ attributes }) => attributes.get('href') ?? '');
    const inner = links.filter((link) => link.startsWith('#'));
    assert.ok(inner.length >= 9);
    for (const link of inner) assert.ok(ids.includes(link.slice(1)), link);
    const labelled = elementsOf(page, '*').flatMap(
      ({ attributes }) => attributes.get('aria-labelledby')?.split(' ') ?? [],
    );
    for (const id of labelled) assert.ok(ids.includes(id), id);
  });

  test('every table has a caption, heads of columns and rows, and a region that a keyboard can scroll', () => {
    const regions = elementsOf(page, 'div').filter(({ attributes }) => attributes.get('role') === 'region');
    const tables = elementsOf(page, 'table');
    assert.ok(tables.length >= 12, String(tables.length));
    assert.equal(regions.length, tables.length);
    for (const region of regions) {
      assert.equal(region.attributes.get('tabindex'), '0');
      const [caption] = elementsOf(region, 'caption');
      assert.equal(region.attributes.get('aria-label'), caption.text);
      const heads = elementsOf(region, 'th');
      const columns = heads.filter(({ attributes }) => attributes.get('scope') === 'col');
      const rows = heads.filter(({ attributes }) => attributes.get('scope') === 'row');
      assert.equal(columns.length + rows.length, heads.length);
      for (const { text } of columns) assert.notEqual(text.trim(), '');
      const [body] = elementsOf(region, 'tbody');
      assert.equal(rows.length, body.children.length);
      for (const row of body.children) assert.equal(row.children.length, columns.length);
    }
  });

  test('pictures have a text, or are hidden from screen readers beside one', () => {
    const pictures = elementsOf(page, 'svg').filter(({ attributes }) => attributes.get('aria-hidden') !== 'true');
    assert.equal(pictures.length, 3);
    for (const { attributes } of pictures) {
      assert.equal(attributes.get('role'), 'img');
      assert.ok(attributes.has('aria-label') || attributes.has('aria-labelledby'));
    }
  });

  test('its policy allows its own style and script by their hashes, and nothing else', () => {
    const [policy] = elementsOf(page, 'meta').flatMap(({ attributes }) =>
      attributes.get('http-equiv') === 'Content-Security-Policy' ? [attributes.get('content') ?? ''] : [],
    );
    const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    const [style, ...styles] = elementsOf(page, 'style');
    const [script, ...scripts] = elementsOf(page, 'script');
    assert.deepEqual([styles.length, scripts.length], [0, 0]);
    assert.equal(
      policy,
      `default-src 'none'; style-src ${hash(style.text)}; script-src ${hash(script.text)}; img-src data:; base-uri 'none'; form-action 'none'`,
    );
    for (const { name, attributes } of elementsOf(page, '*')) {
      for (const key of attributes.keys()) assert.ok(key !== 'style' && !key.startsWith('on'), `${name} ${key}`);
      assert.ok(!attributes.has('src'), name);
    }
    assert.doesNotMatch(style.text, /url\(|@import/);
    const [icon, ...links] = elementsOf(page, 'link');
    assert.equal(links.length, 0);
    assert.match(icon.attributes.get('href') ?? '', /^data:/);
  });

  test('is the same for the same contents', () => {
    assert.equal(reportHtml(structuredClone(sampleContents())), html);
  });

  test('says what made it, from how many captures', () => {
    assert.match(elementsOf(page, 'footer')[0].text, /^Made by vtep 1\.2\.3 from 1 capture\./);
    assert.match(
      elementsOf(parsePage(reportHtml(sampleContents({ version: undefined }))), 'footer')[0].text,
      /^Made by vtep from/,
    );
  });
});

describe('texts from captures', () => {
  test('markup in them is shown, and adds no element', () => {
    const contents = (text: string): ReportContents => replaced(sampleContents(), text) as ReportContents;
    const plain = parsePage(reportHtml(contents('x'.repeat(MARKUP.length))));
    const hostile = reportHtml(contents(MARKUP));
    assert.deepEqual(tagsOf(parsePage(hostile)), tagsOf(plain));
    assert.ok(!hostile.includes('<img'));
    assert.ok(elementById(parsePage(hostile), 'finding-1').text.includes(MARKUP));
  });

  test('keys in them are hidden', () => {
    const key = '0x8a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b';
    const html = reportHtml(replaced(sampleContents(), `key ${key}`) as ReportContents);
    assert.ok(!html.includes(key.slice(2)));
    assert.ok(html.includes('[hidden]'));
  });

  test('control characters and overlong texts in them are not passed on', () => {
    const html = reportHtml(replaced(sampleContents(), `\u001b[31m\u202e${'x'.repeat(1500)}`) as ReportContents);
    // eslint-disable-next-line no-control-regex -- matching them is the purpose
    assert.doesNotMatch(html, /[\u0000-\u0009\u000b-\u001f\u202e]/);
    assert.ok(!html.includes('x'.repeat(1001)));
  });

  test('a thread is a link only if it names an issue', () => {
    const threads = ['moby/moby#36689', 'javascript:alert(1)#1', 'https://example.com', 'a/b#1/../../c'];
    const page = parsePage(reportHtml(sampleContents({ findings: [finding({ threads })] })));
    const links = elementsOf(page, 'a').map(({ attributes }) => attributes.get('href') ?? '');
    assert.deepEqual(
      links.filter((link) => !link.startsWith('#')),
      ['https://github.com/moby/moby/issues/36689'],
    );
    for (const thread of threads) assert.ok(page.text.includes(thread));
  });
});

describe('findings', () => {
  test('come worst first; errors show their evidence at once', () => {
    const page = parsePage(reportHtml(sampleContents()));
    const cards = elementsOf(page, 'article').filter(({ attributes }) =>
      attributes.get('class')?.startsWith('finding'),
    );
    assert.deepEqual(
      cards.map(({ attributes }) => attributes.get('class')),
      ['finding error', 'finding warning', 'finding note'],
    );
    assert.deepEqual(
      cards.map((card) => elementsOf(card, 'details')[0].attributes.has('open')),
      [true, false, false],
    );
    const [{ text }] = cards;
    for (const part of [
      'Error',
      'certain',
      'mtu-too-big',
      'first at 03:26:54',
      'wire.pcap, packet 41',
      'node1.txt, line 12',
      'Then recreate its services.',
      'com.docker.network.driver.mtu=1424',
      'moby/moby#36689',
      'libnetwork#2661',
    ]) {
      assert.ok(text.includes(part), part);
    }
    const [verdict] = elementsOf(page, 'a').filter(({ attributes }) => attributes.get('class')?.startsWith('verdict'));
    assert.deepEqual([verdict.attributes.get('class'), verdict.text], ['verdict error', '1 error, 1 warning, 1 note']);
  });

  test('of many findings of a kind, the first is shown in full, so that they hide no others', () => {
    const gap = (i: number): ReportContents['findings'] => [
      finding({ id: 'sequence-gaps', severity: 'note', summary: `gap ${i}` }),
    ];
    const findings = [...Array.from({ length: 40 }, (_, i) => gap(i) ?? []).flat(), finding({ severity: 'note' })];
    const page = parsePage(reportHtml(sampleContents({ findings, omitted: { 'sequence-gaps': 1200 } })));
    const cards = elementsOf(page, 'article').filter(({ attributes }) =>
      attributes.get('class')?.startsWith('finding'),
    );
    assert.equal(cards.length, 2);
    assert.match(cards[0].text, /gap 0[^]*1,239 more like this\s*gap 1wire|gap 0[^]*1,239 more like this\s*gap 1 /);
    assert.match(cards[0].text, /gap 10 wire\.pcap, packet 41; node1\.txt, line 12and 1,229 more/);
  });

  test('the packets and lines of a file are named together, each once', () => {
    const places = [3, 5, 5, 1041].map((packet) => ({ file: 'wire.pcap', packet }));
    const page = parsePage(
      reportHtml(
        sampleContents({
          findings: [finding({ exhibits: [{ text: 'lost', places: [...places, { file: 'fdb.txt', line: 7 }] }] })],
        }),
      ),
    );
    assert.ok(page.text.includes('lost wire.pcap, packets 3, 5, 1,041; fdb.txt, line 7'));
  });

  test('commands whose output would tell more are below them', () => {
    const page = parsePage(reportHtml(sampleContents({ findings: [], collect: ['ip -s xfrm state'] })));
    const [part] = elementsOf(page, 'details').filter(({ attributes }) => attributes.get('class') === 'collect');
    assert.match(part.text, /would tell more\s*ip -s xfrm state/);
  });

  test('commands of several lines keep them', () => {
    const page = parsePage(
      reportHtml(sampleContents({ findings: [finding({ commands: ['one \\\n  two', 'three'] })] })),
    );
    assert.equal(elementsOf(page, 'pre')[0].text, 'one \\\n  two\nthree\n');
  });

  test('without them, the page shows the problems of the survey, warnings first', () => {
    const page = parsePage(reportHtml(sampleContents({ findings: undefined })));
    assert.equal(titles(page)[0], 'Problems');
    const [list] = elementsOf(page, 'ul').filter(({ attributes }) => attributes.get('class') === 'problems');
    assert.deepEqual(
      list.children.map(({ attributes }) => attributes.get('class')),
      ['warning', 'note'],
    );
    assert.match(list.text, /7 clear frames[^]*CLEAR_VXLAN[^]*12 fragments/);
  });

  test('none are a good outcome, and said', () => {
    const page = parsePage(reportHtml(sampleContents({ findings: [] })));
    assert.ok(page.text.includes('Nothing wrong was found.'));
    assert.ok(page.text.includes('Nothing wrong found'));
  });

  test('without packets, nothing was found because there is nothing to look at', () => {
    const page = parsePage(reportHtml({ survey: survey(), findings: [] }));
    assert.ok(page.text.includes('There are no packets to look at.'));
    const [verdict] = elementsOf(page, 'a').filter(({ attributes }) => attributes.get('class')?.startsWith('verdict'));
    assert.deepEqual([verdict.attributes.get('class'), verdict.text], ['verdict note', 'No packets']);
  });
});

describe('sections', () => {
  test('an empty capture has problems and the capture alone', () => {
    const page = parsePage(reportHtml({ survey: survey({ firstTime: null, lastTime: null, durationSeconds: 0 }) }));
    assert.deepEqual(titles(page), ['Problems', 'The capture']);
  });

  test('a capture of inner frames has no overlay, no keys and no services', () => {
    const report = survey({
      packets: 10,
      bytes: 1000,
      timeSeries: series([null, [1000, 500]]),
      flows: flows(conversation('10.0.0.1', '10.0.0.2', { vni: null })),
    });
    const page = parsePage(reportHtml({ survey: report }));
    assert.deepEqual(titles(page), [
      'Problems',
      'Throughput',
      'Conversations',
      'Packet sizes and overhead',
      'The capture',
    ]);
  });

  test('of a capture in ESP that no key decrypts, it shows the throughput, and no number of networks', () => {
    const sealed = survey({
      packets: 10,
      bytes: 1000,
      accounting: { inFrames: 0, esp: 10, other: 0, held: 0, filtered: 0, dropped: {} },
      esp: sampleContents().survey.esp,
      tunnels: [
        tunnel('192.168.50.1', '192.168.50.2', { frames: 0, bytes: 0, espPackets: 10, espBytes: 1000, vnis: [] }),
      ],
      timeSeries: { ...series(), esp: { bytes: [1000, 500], packets: [8, 2] } },
    });
    const page = parsePage(reportHtml({ survey: sealed }));
    assert.ok(titles(page).includes('Throughput'));
    const [legend] = elementsOf(page, 'p').filter(({ attributes }) => attributes.get('class') === 'legend');
    assert.equal(legend.text.trim(), 'ESP, not decrypted');
    const names = elementsOf(elementsOf(page, 'header')[0], 'dt').map(({ text }) => text);
    assert.deepEqual(names, ['Packets', 'On the wire', 'Duration', 'Nodes', 'Encrypted']);
    assert.doesNotMatch(page.text, /Per frame/);
  });

  test('gossip shows members, what is wrong first, networks and events, with names if they are known', () => {
    const page = parsePage(reportHtml({ survey: survey({ packets: 10, bytes: 1000, gossip: sampleGossip() }) }));
    assert.ok(titles(page).includes('Gossip'));
    assert.match(page.text, /8 packets and 1 stream decrypted[^]*key 4: 8 packets, 1 stream/);
    assert.match(page.text, /3 packets: [a-z][^]*not decoded, by sender: 192\.168\.50\.9 \(3\)/);
    assert.match(page.text, /node3\s*192\.168\.50\.3\s*dead\s*2[^]*node1\s*192\.168\.50\.1\s*alive/);
    assert.match(page.text, /web-net\s*node1\s*node3\s*2\s*1/);
    assert.match(page.text, /What happened[^]*\+1\.000 s\s*suspect\s*node3[^]*1 earlier event[^]*create, earlier/);
  });

  test('without gossip, or without its keys, there is no such section', () => {
    const none = { ...sampleGossip(), packets: NO_COUNTS, streams: { ...NO_COUNTS, incomplete: 0 } };
    for (const gossip of [null, none]) {
      assert.ok(!titles(parsePage(reportHtml({ survey: survey({ packets: 1, gossip }) }))).includes('Gossip'));
    }
  });

  test('what the survey noticed is with the capture if there are findings, which say what is wrong', () => {
    const problems = [{ code: 'TIME_BACKWARDS', severity: 'note' as const, count: 7, message: 'packets out of order' }];
    const [page, without] = [[], undefined].map((findings) =>
      parsePage(reportHtml({ survey: survey({ packets: 1, bytes: 100, problems }), findings })),
    );
    assert.match(page.text, /1 note on the packets\s*7 packets out of order TIME_BACKWARDS/);
    assert.doesNotMatch(without.text, /on the packets/);
  });

  test('packets of one size, and of one time, have neither a range nor a span', () => {
    const one = { count: 5, smallest: 92, largest: 92, mean: 92, classes: [{ bytes: '64-127', count: 5 }] };
    const time = '2026-11-21T03:26:52.831279000Z';
    const report = survey({
      packets: 5,
      bytes: 460,
      sizes: { wire: one, inner: one },
      firstTime: time,
      lastTime: time,
    });
    const page = parsePage(reportHtml({ survey: report }));
    assert.match(page.text, /On the wire: 92 bytes each; inner frames: 92 bytes each\./);
    const [subtitle] = elementsOf(page, 'p').filter(({ attributes }) => attributes.get('class') === 'subtitle');
    assert.equal(subtitle.text, '2026-11-21 03:26:52.831 UTC');
  });

  test('columns without any value are left out', () => {
    const heads = (report: ReportContents): string[] =>
      elementsOf(elementById(parsePage(reportHtml(report)), 'conversations-table'), 'th').map(({ text }) => text);
    assert.ok(heads(sampleContents()).includes('Retransmitted'));
    assert.ok(!heads(sampleContents()).includes('Resets'));
  });

  test('the key chart has a bar per SPI and a line per rotation in each direction; the table has the keys', () => {
    const page = parsePage(reportHtml(sampleContents()));
    const [chart] = elementsOf(page, 'div').filter(({ attributes }) => attributes.get('class') === 'key-chart');
    assert.match(chart.attributes.get('aria-label') ?? '', /2 directions, 4 SPIs, 1 rotation/);
    assert.equal(elementsOf(chart, 'rect').length, 4);
    assert.equal(elementsOf(chart, 'line').length, 2);
    assert.match(
      elementsOf(chart, 'title')[0].text,
      /SPI 0x0b16c0de, key 56398: 100 packets, \+0\.000 s to \+52\.000 s/,
    );
    assert.match(page.text, /192\.168\.50\.1 switches first, 192\.168\.50\.2 0 s later: 2 directions within 1\.50 s/);
    assert.match(page.text, /56398, current/);
  });

  test('without a timeline, SPIs are a table', () => {
    const page = parsePage(reportHtml(sampleContents({ timeline: undefined })));
    assert.ok(titles(page).includes('Keys and rotations'));
    assert.equal(elementsOf(page, 'div').filter(({ attributes }) => attributes.get('class') === 'key-chart').length, 0);
    assert.ok(page.text.includes('0x0b16c0de'));
  });

  test('services show the load of each backend, the busiest first, and name those without packets', () => {
    const page = parsePage(reportHtml(sampleContents()));
    const services = elementsOf(page, 'article').filter(({ attributes }) => attributes.get('class') === 'service');
    assert.equal(services.length, 2);
    assert.match(
      services[0].text,
      /web on\s+web-net[^]*virtual IP 10\.0\.1\.2[^]*web\.1\s*46\.2 %[^]*web\.2\s*27\.6 %/,
    );
    assert.match(page.text, /No packets of: idle/);
  });
});

describe('a page of a large capture', () => {
  const html = reportHtml(largeContents());
  const page = parsePage(html);

  test('is smaller than 400 kB', () => {
    const { length } = new TextEncoder().encode(html);
    assert.ok(length < 400_000, String(length));
  });

  test('and smaller than 500 kB with the gossip of a large swarm', () => {
    const contents = largeContents();
    const full = reportHtml({ ...contents, survey: { ...contents.survey, gossip: largeGossip() } });
    const { length } = new TextEncoder().encode(full);
    assert.ok(length < 500_000, String(length));
    for (const text of ['and 940 members', 'and 1,940 later events', 'and 2,040 networks', '1,992 more']) {
      assert.ok(parsePage(full).text.includes(text), text);
    }
  });

  test('counts what its tables leave out', () => {
    for (const text of [
      'and 19,900 conversations with fewer bytes',
      'and 1,540 SPIs with fewer packets',
      'and 384 directions with fewer packets',
      'and 48 services with fewer bytes',
      'and 28 backends with fewer bytes',
      'and 5 more findings',
      '99 more like this',
      'and 89 more',
      'and 270 kinds with fewer packets',
    ]) {
      assert.ok(page.text.includes(text), text);
    }
  });
});
