import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePublishedPort, type PublishedPort } from '../../../src/overlay/index.js';
import { PortTable } from '../../../src/overlay/services/port-table.js';

function published(ports: readonly PublishedPort[]): number[] {
  return ports.map((port) => port.published);
}

describe('published ports', () => {
  test('that are chosen go on after the last one, also when one before it is free again', () => {
    const table = new PortTable();
    const first = table.publish('a', 'vip', parsePublishedPort('80'));
    table.release('a', first);
    assert.deepEqual(published(table.publish('b', 'vip', parsePublishedPort('80'))), [30_001]);
    assert.deepEqual(published(table.publish('c', 'vip', parsePublishedPort('80/udp'))), [30_000]);
  });

  test('are never chosen where a service asked for them', () => {
    const table = new PortTable();
    table.publish('a', 'vip', parsePublishedPort('30000-30001:80-81'));
    assert.deepEqual(published(table.publish('b', 'vip', parsePublishedPort('80'))), [30_002]);
  });

  test('are all given back when one of them is not to be had', () => {
    const table = new PortTable();
    const all = parsePublishedPort('1-2767');
    table.publish('a', 'vip', all);
    assert.throws(() => table.publish('b', 'vip', parsePublishedPort('1-2')), {
      code: 'NO_PORT',
      message: 'no tcp port is left between 30000 and 32767',
    });
    assert.deepEqual(published(table.publish('c', 'vip', parsePublishedPort('9'))), [32_767]);
  });

  test('belong to one service until it releases them', () => {
    const table = new PortTable();
    const ports = parsePublishedPort('8080:80');
    table.publish('a', 'vip', ports);
    table.release('b', ports);
    assert.throws(() => table.publish('b', 'vip', ports), { code: 'REFUSED' });
    table.release('a', ports);
    assert.deepEqual(published(table.publish('b', 'vip', ports)), [8080]);
  });
});
