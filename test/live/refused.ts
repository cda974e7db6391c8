/** What the live floor refuses. */
import assert from 'node:assert/strict';
import { LiveError, type LiveErrorCode } from '../../src/live/index.js';

/** Asserts that a call throws an error of a kind, in one line that says what a message must. */
export function refused(call: () => unknown, code: LiveErrorCode, message = /./): void {
  assert.throws(call, (error) => {
    assert.ok(error instanceof LiveError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}
