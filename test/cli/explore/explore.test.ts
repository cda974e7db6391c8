import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fixture } from '../../repository.js';
import { MAIN } from '../run.js';

test('vtep explore prints a link that opens the page with the files, once, and ends with SIGINT', async () => {
  const child = spawn(process.execPath, [MAIN, 'explore', fixture('vxlan/01-icmp.underlay.pcap')]);
  const exit = once(child, 'exit');
  try {
    const [link] = (await once(createInterface(child.stdout), 'line')) as [string];
    const first = await fetch(link, { redirect: 'manual' });
    assert.equal(first.status, 303);
    const cookie = first.headers.getSetCookie()[0].split(';')[0];
    const page = await fetch(new URL('/', link), { headers: { cookie } });
    assert.match(await page.text(), /"01-icmp\.underlay\.pcap"/);
    assert.equal((await fetch(link, { redirect: 'manual' })).status, 403);
  } finally {
    child.kill('SIGINT');
  }
  assert.deepEqual(await exit, [0, null]);
});
