import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { counted, inNamespace, listed, shellWord } from '../../../src/doctor/derived/wording.js';

describe('texts of diagnoses', () => {
  it('name the first five of a list', () => {
    assert.equal(listed([]), '');
    assert.equal(listed(['a']), 'a');
    assert.equal(listed(['a', 'b', 'a']), 'a and b');
    assert.equal(listed(['a', 'b', 'c', 'd', 'e', 'f', 'g']), 'a, b, c, d, e and 2 more');
  });

  it('count with a noun', () => {
    assert.equal(counted(1, 'entry', 'entries'), '1 entry');
    assert.equal(counted(1200, 'packet'), '1,200 packets');
  });

  it('have names from inputs as one word of a command, whatever they hold', () => {
    assert.equal(shellWord('web_1.local'), 'web_1.local');
    assert.equal(shellWord('$(reboot)'), `'$(reboot)'`);
    assert.equal(shellWord(`a'b`), String.raw`'a'\''b'`);
    assert.equal(shellWord('--help'), `'--help'`);
    assert.equal(shellWord('a\nb'), `'ab'`);
    assert.doesNotMatch(inNamespace('x;reboot', 'ip neigh'), /reboot/);
  });
});
