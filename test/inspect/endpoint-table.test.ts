import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EndpointTable } from '../../src/inspect/endpoint-table.js';
import { parseIpv4, parseIpv6, parseMac } from '../../src/wire/index.js';

interface Who {
  readonly vni?: number;
  readonly mac?: string;
  readonly ip?: string;
}

const MAC = '02:42:0a:00:09:03';

/** A MAC and an IP address in one array, as parameters of the table's methods. */
function keyOf({ vni = 1, mac = MAC, ip }: Who): readonly [number, Uint8Array, number, number, number] {
  const family = ip === undefined ? 0 : ip.includes(':') ? 6 : 4;
  const address = ip === undefined ? [] : family === 6 ? parseIpv6(ip) : parseIpv4(ip);
  return [vni, Uint8Array.from([0xee, ...parseMac(mac), ...address]), 1, family, 7];
}

const sent = (table: EndpointTable, who: Who, vtep: number, length = 100): void =>
  table.sent(...keyOf(who), vtep, length);
const received = (table: EndpointTable, who: Who, vtep: number, length = 100): void =>
  table.received(...keyOf(who), vtep, length);

describe('EndpointTable', () => {
  test('counts frames and bytes per direction', () => {
    const table = new EndpointTable(10);
    const who = { ip: '10.0.9.3' };
    sent(table, who, 0, 60);
    sent(table, who, 0, 1500);
    received(table, who, 0, 70);
    assert.deepEqual(table.rows, [
      {
        vni: 1,
        mac: MAC,
        ip: '10.0.9.3',
        vtep: 0,
        moves: 0,
        firstVtep: -1,
        sentFrames: 2,
        sentBytes: 1560,
        receivedFrames: 1,
        receivedBytes: 70,
      },
    ]);
  });

  test('network, MAC and IP identify an endpoint; a frame without IP has a separate row', () => {
    const table = new EndpointTable(20);
    const all: Who[] = [
      { ip: '10.0.9.3' },
      { ip: '10.0.9.4' },
      { ip: '10.0.9.3', vni: 2 },
      { ip: '10.0.9.3', mac: '02:42:0a:00:09:04' },
      { ip: '10.0.9.3', mac: '03:42:0a:00:09:03' },
      {},
      { ip: '0.0.0.0' },
      { ip: '::' },
      { ip: 'fd00:9::3' },
      { ip: 'fd00:9::4' },
      { ip: 'fd00:9:0:1::3' },
      { ip: 'fd01:9::3' },
      { ip: '::a00:903' },
      { ip: 'a00:903::' },
    ];
    for (let i = 0; i < 3; i++) for (const who of all) sent(table, who, 7);
    assert.deepEqual(
      table.rows.map(({ vni, mac, ip }) => [vni, mac, ip]),
      all.map(({ vni = 1, mac = MAC, ip }) => [vni, mac, ip]),
    );
    assert.ok(table.rows.every(({ sentFrames, moves }) => sentFrames === 3 && moves === 0));
  });

  test('counts a move each time an endpoint sends from behind another VTEP', () => {
    const table = new EndpointTable(10);
    for (const vtep of [0, 0, 1, 1, 0, 2]) sent(table, {}, vtep);
    assert.deepEqual([table.rows[0].moves, table.rows[0].vtep], [3, 2]);
  });

  test("only the sender's own frames count as a move", () => {
    const table = new EndpointTable(10);
    received(table, {}, 5);
    assert.equal(table.rows[0].vtep, 5);
    sent(table, {}, 1);
    assert.deepEqual([table.rows[0].moves, table.rows[0].vtep], [0, 1]);
    received(table, {}, 5);
    sent(table, {}, 1);
    assert.deepEqual([table.rows[0].moves, table.rows[0].vtep], [0, 1]);
  });

  test('counts frames of unlisted endpoints, and still counts listed ones; both families share the limit', () => {
    const table = new EndpointTable(2);
    sent(table, { ip: '10.0.9.3' }, 0);
    sent(table, { ip: 'fd00:9::3' }, 0);
    for (const who of [{ ip: '10.0.9.4' }, { ip: 'fd00:9::4' }, {}, { ip: '10.0.9.4' }]) received(table, who, 0);
    assert.deepEqual([table.rows.length, table.unlisted], [2, 4]);
    sent(table, { ip: '10.0.9.3' }, 0);
    sent(table, { ip: 'fd00:9::3' }, 0);
    assert.deepEqual(
      table.rows.map(({ ip, sentFrames, receivedFrames }) => [ip, sentFrames, receivedFrames]),
      [
        ['10.0.9.3', 2, 0],
        ['fd00:9::3', 2, 0],
      ],
    );
  });

  test('its rows are those of a Map, up to the limit, for any frames', () => {
    const step = fc.record({
      vni: fc.constantFrom(1, 2, 0xffffff),
      mac: fc.constantFrom('02:00:00:00:00:01', '02:00:00:00:01:00', '02:01:00:00:00:00'),
      ip: fc.constantFrom(undefined, '10.0.0.1', '1.0.0.10', '::1', '1::', '::ffff:10.0.0.1'),
      sends: fc.boolean(),
      vtep: fc.nat(2),
      length: fc.nat(9000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), fc.integer({ min: 1, max: 60 }), (steps, limit) => {
        const table = new EndpointTable(limit);
        const model = new Map<string, [sent: number, bytes: number, received: number, bytes: number]>();
        let unlisted = 0;
        for (const { vni, mac, ip, sends, vtep, length } of steps) {
          const who: Who = ip === undefined ? { vni, mac } : { vni, mac, ip };
          (sends ? sent : received)(table, who, vtep, length);
          const name = `${vni} ${mac} ${ip ?? 'none'}`;
          let row = model.get(name);
          if (row === undefined && model.size < limit) model.set(name, (row = [0, 0, 0, 0]));
          if (row === undefined) {
            unlisted++;
          } else {
            row[sends ? 0 : 2]++;
            row[sends ? 1 : 3] += length;
          }
        }
        assert.equal(table.unlisted, unlisted);
        assert.deepEqual(
          table.rows.map((row) => [
            `${row.vni} ${row.mac} ${row.ip ?? 'none'}`,
            [row.sentFrames, row.sentBytes, row.receivedFrames, row.receivedBytes],
          ]),
          [...model],
        );
      }),
      { seed: 20261121, numRuns: 400 },
    );
  });
});
