import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ageText } from '../../../src/cli/service/age-text.js';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

test('durations read as those of docker/go-units', () => {
  // Of its test.
  const cases: [number, string][] = [
    [0.45 * SECOND, 'Less than a second'],
    [SECOND, '1 second'],
    [45 * SECOND, '45 seconds'],
    [46 * SECOND, '46 seconds'],
    [59 * SECOND, '59 seconds'],
    [60 * SECOND, 'About a minute'],
    [90 * SECOND, 'About a minute'],
    [3 * 60 * SECOND, '3 minutes'],
    [35 * 60 * SECOND, '35 minutes'],
    [HOUR, 'About an hour'],
    [1.75 * HOUR, '2 hours'],
    [3 * HOUR, '3 hours'],
    [10.75 * HOUR, '11 hours'],
    [24 * HOUR, '24 hours'],
    [36 * HOUR, '36 hours'],
    [2 * DAY, '2 days'],
    [7 * DAY, '7 days'],
    [13 * DAY + 5 * HOUR, '13 days'],
    [2 * 7 * DAY, '2 weeks'],
    [2 * 7 * DAY + 4 * DAY, '2 weeks'],
    [30 * DAY, '4 weeks'],
    [60 * DAY, '2 months'],
    [365 * DAY, '12 months'],
    [2 * 365 * DAY, '2 years'],
    [3 * 365 * DAY + 2 * 7 * DAY, '3 years'],
  ];
  for (const [milliseconds, text] of cases) assert.equal(ageText(milliseconds), text);
});
