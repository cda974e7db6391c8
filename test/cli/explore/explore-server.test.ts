import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ExploredFile, ExploreServer, pageWith } from '../../../src/cli/explore/explore-server.js';

const PAGE = '<html><script type="application/json" id="served-files">[]</script></html>';
const folder = mkdtempSync(join(tmpdir(), 'vtep-explore-'));
const capture = join(folder, 'wire.pcap');
const files: readonly ExploredFile[] = [
  { kind: 'capture', name: 'wire.pcap', path: capture, size: 1000 },
  { kind: 'text', name: 'keys.txt', text: 'src 10.0.0.1' },
  { kind: 'capture', name: 'gone.pcap', path: join(folder, 'gone.pcap'), size: 10 },
];

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

let server: ExploreServer;
let origin: URL;

function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = origin;
    request({ hostname, port, path, headers, method, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) }),
      );
    })
      .on('error', reject)
      .end();
  });
}

/** The cookie that the link gives. */
async function cookieOf(url: string): Promise<string> {
  const { status, headers } = await ask(url.slice(origin.origin.length));
  assert.equal(status, 303);
  const [cookie] = headers['set-cookie'] ?? [];
  assert.match(cookie, /; HttpOnly; SameSite=Strict; Path=\/$/);
  return cookie.split(';')[0];
}

describe('ExploreServer', () => {
  let cookie = '';
  before(async () => {
    writeFileSync(
      capture,
      Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff),
    );
    server = await ExploreServer.listen(PAGE, files);
    origin = new URL(server.url);
    assert.equal(origin.hostname, '127.0.0.1');
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  it('refuses everything without the cookie, and a wrong token', async () => {
    for (const path of ['/', '/files/0', '/files/1', '/?token=', '/?token=00', '/?token=%00']) {
      assert.equal((await ask(path)).status, 403, path);
    }
  });
  it('exchanges the token for a cookie once', async () => {
    cookie = await cookieOf(server.url);
    const { status, body } = await ask(server.url.slice(origin.origin.length));
    assert.equal(status, 403);
    assert.match(body.toString(), /works once/);
  });
  it('refuses names of this machine that others can define (DNS rebinding)', async () => {
    const { status } = await ask('/', { cookie, host: `evil.example:${origin.port}` });
    assert.equal(status, 421);
    assert.equal((await ask('/', { cookie, host: `localhost:${origin.port}` })).status, 200);
  });
  it('sends the page with the list of files, which no frame and no other origin can read', async () => {
    const { body, headers } = await ask('/', { cookie });
    const list = /id="served-files">(.*)<\/script>/.exec(body.toString())?.[1] ?? '';
    assert.deepEqual(JSON.parse(list), [
      { name: 'wire.pcap', url: '/files/0', size: 1000 },
      { name: 'keys.txt', url: '/files/1' },
      { name: 'gone.pcap', url: '/files/2', size: 10 },
    ]);
    assert.equal(headers['content-security-policy'], "frame-ancestors 'none'");
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
    assert.equal(headers['access-control-allow-origin'], undefined);
    assert.equal(headers['cache-control'], 'no-store');
  });
  it('sends ranges of a capture', async () => {
    const { status, headers, body } = await ask('/files/0', { cookie, range: 'bytes=250-259' });
    assert.equal(status, 206);
    assert.equal(headers['content-range'], 'bytes 250-259/1000');
    assert.deepEqual([...body], [250, 251, 252, 253, 254, 255, 0, 1, 2, 3]);
    assert.equal((await ask('/files/0', { cookie, range: 'bytes=1000-' })).status, 416);
    assert.equal((await ask('/files/0', { cookie })).body.length, 1000);
    const head = await ask('/files/0', { cookie }, 'HEAD');
    assert.deepEqual([head.headers['content-length'], head.body.length], ['1000', 0]);
  });
  it('the tag of a capture changes with it', async () => {
    const { headers } = await ask('/files/0', { cookie, range: 'bytes=0-0' });
    writeFileSync(capture, new Uint8Array(1001));
    const again = await ask('/files/0', { cookie, range: 'bytes=0-0' });
    assert.notEqual(again.headers.etag, headers.etag);
  });
  it('sends texts, and says what is gone', async () => {
    assert.equal((await ask('/files/1', { cookie })).body.toString(), 'src 10.0.0.1');
    assert.equal((await ask('/files/2', { cookie })).status, 410);
  });
  it('has no other paths and methods', async () => {
    for (const path of [
      '/files/3',
      '/files/-1',
      '/files/0/',
      '/files/../../etc/passwd',
      '//evil.example/',
      'http://evil.example/',
      'http://[',
      '*',
    ]) {
      assert.equal((await ask(path, { cookie })).status, 404, path);
    }
    assert.equal((await ask('/', { cookie }, 'POST')).status, 405);
  });
});

it('pageWith: a name can not end the script element', () => {
  const page = pageWith(PAGE, [{ kind: 'text', name: '</script><img src=x onerror=alert(1)>$&', text: '' }]);
  assert.equal(page.match(/<\/script>/g)?.length, 1);
  const list = /id="served-files">(.*)<\/script>/.exec(page)?.[1] ?? '';
  assert.equal((JSON.parse(list) as { name: string }[])[0].name, '</script><img src=x onerror=alert(1)>$&');
});
