import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CoalescedFlows, flowKey, MAX_FLOWS, TcpCoalescer } from '../../src/fragment/index.js';
import { HeaderError, Layers } from '../../src/wire/index.js';
import { noise } from './split.js';
import { type TcpFrame, tcpFrame } from './tcp-frame.js';

/** Frames in one array, and the flows they are added to. */
class Flows {
  readonly flows = new CoalescedFlows(() => new TcpCoalescer());
  readonly #bytes = new Uint8Array(100_000);
  readonly #layers = new Layers();
  #at = 0;

  #put(what: TcpFrame): readonly [start: number, end: number, key: number] {
    const frame = tcpFrame(noise(100, 1), what);
    const start = this.#at;
    this.#bytes.set(frame, start);
    this.#at += frame.length;
    assert.equal(this.#layers.walkEthernet(this.#bytes, start, this.#at), HeaderError.None);
    return [start, this.#at, flowKey(this.#bytes, this.#layers)];
  }

  find(what: TcpFrame): TcpCoalescer | undefined {
    return this.flows.find(this.#put(what)[2]);
  }

  begin(what: TcpFrame): TcpCoalescer | undefined {
    const [start, end, key] = this.#put(what);
    return this.flows.begin(this.#bytes, this.#layers, start, end, key);
  }
}

describe('CoalescedFlows', () => {
  for (const family of [4, 6] as const) {
    test(`finds an IPv${family} flow by its addresses and ports alone`, () => {
      const { flows } = new Flows();
      assert.equal(flows.pending, undefined);
      const table = new Flows();
      const flow = table.begin({ family });
      assert.ok(flow !== undefined);
      assert.equal(table.find({ family, sequence: 900, window: 7, flags: 0x11, tos: 3 }), flow);
      assert.equal(table.find({ family, sourcePort: 40_001 }), undefined);
      assert.equal(table.find({ family, host: 5 }), undefined);
      assert.equal(table.flows.pending, flow);
      table.flows.clear(flow);
      assert.deepEqual([table.find({ family }), table.flows.pending, table.flows.used], [undefined, undefined, 0]);
    });
  }

  test('a frame that can’t be coalesced begins no flow', () => {
    const table = new Flows();
    assert.equal(table.begin({ flags: 2 }), undefined);
    assert.deepEqual([table.flows.used, table.flows.pending], [0, undefined]);
  });

  test('one flow too many makes the oldest the surplus', () => {
    const table = new Flows();
    const begun = Array.from({ length: MAX_FLOWS }, (_, i) => table.begin({ sourcePort: 1000 + i }));
    assert.equal(table.flows.surplus, undefined);
    for (let more = 0; more < 3 * MAX_FLOWS; more++) {
      begun.push(table.begin({ sourcePort: 2000 + more }));
      const oldest = begun[more];
      assert.ok(oldest !== undefined);
      assert.equal(table.flows.surplus, oldest);
      table.flows.clear(oldest);
      assert.equal(table.flows.used, MAX_FLOWS);
    }
    let left = 0;
    for (let flow = table.flows.pending; flow !== undefined; flow = table.flows.pending, left++)
      table.flows.clear(flow);
    assert.equal(left, MAX_FLOWS);
  });
});
