import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { callFailed, Errno, errnoName } from '../../../src/live/system/linux.js';
import { withoutSockets } from '../loopback.js';

describe('system errors', { skip: withoutSockets() }, () => {
  test('have names, also those unknown to Node', () => {
    assert.deepEqual([1, 2, 19, 98, 77, 99_999].map(errnoName), [
      'EPERM',
      'ENOENT',
      'ENODEV',
      'EADDRINUSE',
      'EBADFD',
      'error 99999',
    ]);
  });

  test('name the operation, and the required privileges if those are missing', () => {
    assert.equal(callFailed('do it', 19).message, "can't do it (ENODEV)");
    const { code, message } = callFailed('do it', 1);
    assert.equal(code, 'NOT_PERMITTED');
    assert.equal(message, "can't do it (EPERM): run as root, or with CAP_NET_ADMIN and CAP_NET_RAW");
    const other = callFailed('enter it', Errno.Perm, 'CAP_SYS_ADMIN').message;
    assert.equal(other, "can't enter it (EPERM): run as root, or with CAP_SYS_ADMIN");
    assert.equal(callFailed('do it', 22).code, 'SYSTEM_CALL');
  });
});
