/** Assertions about LiveErrors. */
import assert from 'node:assert/strict';
import { LiveError, type LiveErrorCode } from '../../src/live/index.js';

/** Asserts that a call throws an error with a code and a one-line message that matches. */
export function refused(call: () => unknown, code: LiveErrorCode, message = /./): void {
  assert.throws(call, (error) => {
    assert.ok(error instanceof LiveError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}
