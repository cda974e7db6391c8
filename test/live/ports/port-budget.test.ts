import assert from 'node:assert/strict';
import { test } from 'node:test';
import { portBudget } from '../../../src/live/ports/port-budget.js';

test('published ports may have half of the descriptors of a process', () => {
  const limits = (soft: string): string =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft.padEnd(20)} 1048576              files     \n`;
  assert.equal(portBudget(limits('1024')), 512);
  assert.equal(portBudget(limits('unlimited')), Infinity);
  assert.equal(portBudget(''), Infinity);
  assert.ok(portBudget() > 0);
});
