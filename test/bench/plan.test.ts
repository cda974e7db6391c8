import assert from 'node:assert/strict';
import test from 'node:test';
import { settingsOf } from '../../bench/plan.js';

test('a whole run has every size, every batch and every number of flows', () => {
  const settings = settingsOf(false);
  const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];
  assert.deepEqual(distinct(settings.map(({ size }) => size)), [64, 128, 256, 512, 1024, 1400, 8900, 'imix']);
  assert.deepEqual(
    distinct(settings.map(({ batch }) => batch)).sort((a, b) => a - b),
    [1, 8, 32, 64, 256],
  );
  assert.deepEqual(
    distinct(settings.map(({ flows }) => flows)).sort((a, b) => a - b),
    [1, 100, 10_000],
  );
});

test('no setting is measured twice', () => {
  for (const quick of [false, true]) {
    const names = settingsOf(quick).map((setting) => JSON.stringify(setting));
    assert.equal(new Set(names).size, names.length);
  }
});

test('a quick run measures nothing that a whole one omits', () => {
  const whole = new Set(settingsOf(false).map((setting) => JSON.stringify(setting)));
  for (const setting of settingsOf(true)) assert.ok(whole.has(JSON.stringify(setting)));
});
