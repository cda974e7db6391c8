import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { aesText, parseAesFeatures } from '../../bench/aes-features.js';
import { machineFacts, machineName } from '../../bench/machine.js';

describe("the processor's AES instructions", () => {
  test('are those of the flags on x86', () => {
    const xeon = 'model name\t: Xeon\nflags\t\t: fpu aes avx512f avx512vl vaes vpclmulqdq\nbugs\t\t:\n';
    assert.deepEqual(parseAesFeatures(xeon), ['AES-NI', 'VAES', 'VPCLMULQDQ', 'AVX-512']);
    assert.deepEqual(parseAesFeatures('flags\t\t: fpu aes vaes_other\n'), ['AES-NI']);
  });

  test('are those of the features on arm64', () => {
    assert.deepEqual(parseAesFeatures('Features\t: fp asimd aes pmull sha1\n'), ['AES', 'PMULL']);
  });

  test('may be none', () => {
    assert.deepEqual([parseAesFeatures(''), aesText([])], [[], 'no AES instructions']);
  });

  test("are in the machine's name, if known", () => {
    const facts = { cpu: 'EPYC', cores: 2, kernel: 'Linux 6.18.44-fc' };
    assert.equal(machineName({ ...facts, aes: ['AES-NI', 'VAES'] }), 'EPYC, 2 cores, Linux 6.18, AES-NI, VAES');
    assert.equal(machineName(facts), 'EPYC, 2 cores, Linux 6.18');
    assert.ok(machineName().startsWith(machineFacts().cpu));
  });
});
