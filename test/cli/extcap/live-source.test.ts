import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { devicesMissing } from '../../live/veth.js';
import { missing } from '../../repository.js';
import { MAIN } from '../run.js';

/** A user without a name or files. */
const USER = '61234';

test(
  'a user who may not capture in either way is told why, for both',
  { skip: devicesMissing() || missing('dumpcap') },
  () => {
    const user = ['--reuid', USER, '--regid', USER, '--clear-groups', '--no-new-privs'];
    const words = ['extcap', '--capture', '--extcap-interface', 'vtep-lo', '--fifo', '-'];
    const { status, stdout, stderr } = spawnSync('setpriv', [...user, process.execPath, MAIN, ...words], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^vtep: "lo": not permitted [^\n]+; with dumpcap: "lo": [^\n]*permission[^\n]*\n$/);
  },
);
