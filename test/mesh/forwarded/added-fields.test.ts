/** What backends learn about who asked: of any client, and of trusted peers, who may be believed but not blindly. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AddedFieldsMaker,
  CLAIM_FIELDS,
  type Claims,
  claimsOf,
  Field,
  FORWARDED,
  HeadFault,
  receivedOf,
  RequestHead,
  requestText,
} from '../../../src/mesh/index.js';
import { type ForwardedStyle } from '../../../src/overlay/index.js';
import { SeededRandom } from '../../../src/replay/random.js';
import { mutated } from '../mutated.js';

const HOST = 'a.example.org';
const CLIENT = { address: '192.0.2.1', localPort: 8080, isTrusted: false };
const PEER = { ...CLIENT, address: '10.0.0.1', isTrusted: true };
const NONE: Claims = {
  forwardedFor: undefined,
  forwardedProto: undefined,
  forwardedHost: undefined,
  forwardedPort: undefined,
  forwarded: undefined,
  realIp: undefined,
};

/** The lines for what a peer claims. */
function linesOf(style: ForwardedStyle, claims: Partial<Claims>, requester = PEER): string[] {
  const maker = new AddedFieldsMaker(style, 'vtep');
  return maker
    .addedFor(requester, HOST, { version: '1.1', claims: { ...NONE, ...claims } })
    .lines.split('\r\n')
    .slice(0, -1);
}

function valueOf(style: ForwardedStyle, name: string, claims: Partial<Claims>): string | undefined {
  const start = `${name}: `;
  return linesOf(style, claims)
    .find((line) => line.startsWith(start))
    ?.slice(start.length);
}

const xFor = (forwardedFor: string): string | undefined => valueOf('x-forwarded', 'X-Forwarded-For', { forwardedFor });
const standard = (claims: Partial<Claims>): string | undefined => valueOf('forwarded', 'Forwarded', claims);
const OWN = 'for=10.0.0.1;host=a.example.org;proto=http';

describe('the fields of a client that is not trusted', () => {
  test('are of the style that is set', () => {
    const extended = [
      'X-Forwarded-For: 192.0.2.1',
      'X-Forwarded-Proto: http',
      'X-Forwarded-Host: a.example.org',
      'X-Forwarded-Port: 8080',
      'X-Real-IP: 192.0.2.1',
    ];
    const one = 'Forwarded: for=192.0.2.1;host=a.example.org;proto=http';
    const via = 'Via: 1.1 vtep';
    assert.deepEqual(linesOf('x-forwarded', {}, CLIENT), [...extended, via]);
    assert.deepEqual(linesOf('forwarded', {}, CLIENT), [one, via]);
    assert.deepEqual(linesOf('both', {}, CLIENT), [...extended, one, via]);
  });

  test('have addresses of IPv6 in brackets and quotes where RFC 7239 wants them', () => {
    const maker = new AddedFieldsMaker('both', 'vtep');
    const { lines } = maker.addedFor({ ...CLIENT, address: '2001:db8::1' }, '[2001:db8::2]');
    assert.match(lines, /^X-Forwarded-For: 2001:db8::1\r\n/);
    assert.match(lines, /\r\nX-Forwarded-Host: \[2001:db8::2\]\r\n/);
    assert.match(lines, /\r\nForwarded: for="\[2001:db8::1\]";host="\[2001:db8::2\]";proto=http\r\n/);
  });

  test('have the port of the host if it was sent, and the version that was spoken', () => {
    const maker = new AddedFieldsMaker('both', 'vtep');
    const { lines } = maker.addedFor(CLIENT, HOST, { version: '2', authority: 'a.example.org:8000' });
    assert.match(lines, /\r\nX-Forwarded-Host: a\.example\.org:8000\r\nX-Forwarded-Port: 8080\r\n/);
    assert.match(lines, /;host="a\.example\.org:8000";/);
    assert.match(lines, /\r\nVia: 2 vtep\r\n$/);
    assert.match(maker.addedFor(CLIENT, HOST, { version: '1.0' }).lines, /\r\nVia: 1\.0 vtep\r\n$/);
    assert.match(maker.addedFor(CLIENT, HOST).lines, /\r\nVia: 1\.1 vtep\r\n$/);
  });

  test('never have a host that reads as a list or as another parameter', () => {
    for (const host of ['a,b.example.org', 'a;b.example.org', 'a=b.example.org', "a'b.example.org"]) {
      const { lines } = new AddedFieldsMaker('both', 'vtep').addedFor(CLIENT, host);
      assert.doesNotMatch(lines, /X-Forwarded-Host/);
      assert.ok(lines.includes(`;host="${host}";`) || host.includes("'"), lines);
    }
  });

  test('do not follow what it claims', () => {
    const claims = { forwardedFor: '6.6.6.6', forwardedProto: 'https', forwarded: 'for=6.6.6.6', realIp: '6.6.6.6' };
    assert.deepEqual(linesOf('both', claims, CLIENT), linesOf('both', {}, CLIENT));
  });

  test('are made once for the requests of a connection to a host', () => {
    const maker = new AddedFieldsMaker('both', 'vtep');
    const first = maker.addedFor(CLIENT, HOST);
    assert.equal(maker.addedFor(CLIENT, ['a', 'example', 'org'].join('.')), first);
    const other = maker.addedFor(CLIENT, 'b.example.org');
    assert.match(other.lines, /b\.example\.org/);
    assert.match(maker.addedFor({ ...CLIENT, address: '192.0.2.9' }, HOST).lines, /192\.0\.2\.9/);
    assert.deepEqual(maker.addedFor(CLIENT, HOST), first);
  });

  test('replace all that it sent of any style, in the request that a backend gets', () => {
    const sent = [
      ...['X-Forwarded-For', 'x-forwarded-proto', 'X-Forwarded-Host', 'X-Forwarded-Port', 'Forwarded', 'X-REAL-IP'],
      ...['X-Forwarded-Prefix', 'X-Forwarded-Server', 'X-Forwarded-Ssl'],
    ].map((name) => `${name}: evil`);
    const bytes = Buffer.from([`GET / HTTP/1.1`, `Host: ${HOST}`, ...sent, 'Via: 1.1 other', '', ''].join('\r\n'));
    const head = new RequestHead();
    assert.equal(head.read(bytes, 0, bytes.length), HeadFault.None);
    const maker = new AddedFieldsMaker('forwarded', 'vtep');
    const text = requestText(bytes, head, maker.addedFor(CLIENT, HOST));
    assert.doesNotMatch(text, /evil/);
    assert.match(text, /\r\nVia: 1\.1 other\r\nForwarded: .*\r\nVia: 1\.1 vtep\r\n\r\n$/);
    const trusted = requestText(
      bytes,
      head,
      maker.addedFor(PEER, HOST, { version: '1.1', claims: claimsOf(bytes, head.fields) }),
    );
    assert.equal(trusted.match(/evil/g)?.length, 3);
    assert.match(trusted, /\r\nForwarded: for=10\.0\.0\.1;host=a\.example\.org;proto=http\r\n/);
    for (const field of [Field.XRealIp, Field.XForwardedPrefix]) assert.notEqual(CLAIM_FIELDS & (1 << field), 0);
    assert.equal(CLAIM_FIELDS & FORWARDED, FORWARDED);
  });
});

describe('what a trusted peer claims', () => {
  test('is read from all fields of a name', () => {
    const lines = [
      'X-Forwarded-For: 192.0.2.1',
      'X-Forwarded-Proto: https',
      'x-forwarded-for:192.0.2.2',
      'Forwarded: for=a',
    ];
    const bytes = Buffer.from(['GET / HTTP/1.1', `Host: ${HOST}`, ...lines, '', ''].join('\r\n'));
    const head = new RequestHead();
    assert.equal(head.read(bytes, 0, bytes.length), HeadFault.None);
    assert.deepEqual(claimsOf(bytes, head.fields), {
      ...NONE,
      forwardedFor: '192.0.2.1, 192.0.2.2',
      forwardedProto: 'https',
      forwarded: 'for=a',
    });
    const plain = Buffer.from(`GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
    assert.equal(head.read(plain, 0, plain.length), HeadFault.None);
    assert.equal(claimsOf(plain, head.fields), undefined);
  });

  test('and all else that the lines depend on, is read only where there is something', () => {
    const head = new RequestHead();
    const received = (line: string, fields: readonly string[], isTrusted: boolean): ReturnType<typeof receivedOf> => {
      const bytes = Buffer.from([line, ...fields, '', ''].join('\r\n'));
      assert.equal(head.read(bytes, 0, bytes.length), HeadFault.None);
      return receivedOf(bytes, head, isTrusted);
    };
    const claim = 'X-Real-IP: 192.0.2.1';
    assert.equal(received('GET / HTTP/1.1', [`Host: ${HOST}`], true), undefined);
    assert.equal(received('GET / HTTP/1.1', ['Host: A.example.org.', claim], false), undefined);
    assert.equal(received('GET / HTTP/1.1', ['Host: [2001:db8::1]'], false), undefined);
    assert.equal(received('GET http://b.example.org/ HTTP/1.1', ['Host: a:1'], false), undefined);
    assert.deepEqual(received('GET / HTTP/1.0', [], false), { version: '1.0' });
    const authority = 'a.example.org:8000';
    assert.deepEqual(received('GET / HTTP/1.1', ['Host: A.example.org:8000', claim], true), {
      version: '1.1',
      authority,
      claims: { ...NONE, realIp: '192.0.2.1' },
    });
    assert.equal(received('GET / HTTP/1.1', ['Host: [2001:db8::1]:80'], false)?.authority, '[2001:db8::1]:80');
  });

  test('is continued with its own address, and the rest is that of the first request', () => {
    assert.deepEqual(
      linesOf('x-forwarded', {
        forwardedFor: '192.0.2.1,  2001:db8::1,unknown, _x, 192.0.2.2:80, [2001:db8::2]:80',
        forwardedProto: 'HTTPS',
        forwardedHost: 'B.example.org:444',
        forwardedPort: '444',
        realIp: '192.0.2.1',
      }),
      [
        'X-Forwarded-For: 192.0.2.1, 2001:db8::1, unknown, _x, 192.0.2.2:80, [2001:db8::2]:80, 10.0.0.1',
        'X-Forwarded-Proto: https',
        'X-Forwarded-Host: b.example.org:444',
        'X-Forwarded-Port: 444',
        'X-Real-IP: 192.0.2.1',
        'Via: 1.1 vtep',
      ],
    );
    const chain = 'for=192.0.2.1;proto=https;by=_edge, FOR="[2001:db8::1]:80";ext="a, \\"b\\";c"';
    assert.equal(
      standard({ forwarded: chain }),
      `for=192.0.2.1;proto=https;by=_edge, for="[2001:db8::1]:80";ext="a, \\"b\\";c", ${OWN}`,
    );
  });

  test('without an address or a port, has the last one it names, and that of the protocol', () => {
    const claims = { forwardedFor: '192.0.2.1, 192.0.2.2:80, unknown', forwardedProto: 'https' };
    assert.equal(valueOf('x-forwarded', 'X-Real-IP', claims), '192.0.2.2');
    assert.equal(valueOf('x-forwarded', 'X-Forwarded-Port', claims), '443');
    assert.equal(valueOf('x-forwarded', 'X-Real-IP', {}), '10.0.0.1');
    assert.equal(valueOf('x-forwarded', 'X-Forwarded-Port', {}), '8080');
  });

  test('in one style is said in the other, too (RFC 7239 section 7.4)', () => {
    const extended = {
      forwardedFor: '192.0.2.1, 2001:db8::1',
      forwardedProto: 'https',
      forwardedHost: 'b.example.org',
    };
    const elements = 'for=192.0.2.1;host=b.example.org;proto=https, for="[2001:db8::1]"';
    assert.equal(standard(extended), `${elements}, ${OWN}`);
    assert.deepEqual(linesOf('both', { forwarded: elements }).slice(0, 3), [
      'X-Forwarded-For: 192.0.2.1, 2001:db8::1, 10.0.0.1',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: b.example.org',
    ]);
  });

  test('counts as not said if it is malformed, or longer than any chain', () => {
    for (const list of [
      '',
      ',',
      'a',
      '192.0.2.256',
      '192.0.2.1, <script>',
      '192.0.2.1 192.0.2.2',
      '192.0.2.1:x',
      '[192.0.2.1]',
      '[2001:db8::1',
      '2001:db8::1]:80',
      'fe80::1%eth0,x y',
      `_${'x'.repeat(100)}`,
      '192.0.2.1, '.repeat(300),
    ]) {
      assert.equal(xFor(list), '10.0.0.1', list);
    }
    for (const list of [
      '',
      'for',
      'for=',
      'for=192.0.2.1,',
      'for=192.0.2.1;;proto=http',
      'for=192.0.2.1;for=192.0.2.2',
      'for=2001:db8::1',
      'for="[2001:db8::1]',
      'for="x y"',
      'for=192.0.2.1;x="\x80"',
      'for =192.0.2.1',
      'for=_a,'.repeat(400),
      `x="${'\\'.repeat(2000)}`,
    ]) {
      assert.equal(standard({ forwarded: list }), OWN, list);
    }
    const wrong = { forwardedProto: 'gopher', forwardedHost: 'b.example.org, c', forwardedPort: '65536', realIp: 'x' };
    assert.deepEqual(linesOf('x-forwarded', wrong), linesOf('x-forwarded', {}));
  });

  test('never adds a line, nor throws, whatever it is made of', () => {
    const random = new SeededRandom(3);
    const seeds = [
      '192.0.2.1, [2001:db8::1]:80, _x',
      'for="[2001:db8::1]:80";by=_x;proto=https, for=1.2.3.4;x="\\"y"',
    ].map((text) => Buffer.from(text));
    for (let i = 0; i < 2000; i++) {
      const text = mutated(seeds[i % 2], random).toString('latin1');
      const claims = { forwardedFor: text, forwarded: text, forwardedHost: text, forwardedProto: text, realIp: text };
      for (const line of linesOf('both', claims)) assert.match(line, /^[A-Z][A-Za-z-]+: [!-~][ -~\t]*$/, text);
    }
  });
});
