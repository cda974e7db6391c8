/** IPVS's TCP state table and timeouts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  nextTcpState,
  TCP_STATES,
  TCP_TIMEOUTS,
  TcpState,
  tcpStateName,
  TcpTable,
} from '../../../../src/service/index.js';

const FIN = 1;
const SYN = 2;
const RST = 4;
const PSH = 8;
const ACK = 16;

/** The kernel's abbreviations of the states, in their order. */
const SHORT = ['NO', 'ES', 'SS', 'SR', 'FW', 'TW', 'CL', 'CW', 'LA', 'LI', 'SA'];

/** The tables as ip_vs_proto_tcp.c lists them. */
const KERNEL = {
  Input: {
    [SYN]: 'SR ES ES SR SR SR SR SR SR SR SR',
    [FIN]: 'CL CW SS TW TW TW CL CW LA LI TW',
    [ACK]: 'CL ES SS ES FW TW CL CW CL LI ES',
    [RST]: 'CL CL CL SR CL CL CL CL LA LI SR',
  },
  Output: {
    [SYN]: 'SS ES SS SR SS SS SS SS SS LI SR',
    [FIN]: 'TW FW SS TW FW TW CL TW LA LI TW',
    [ACK]: 'ES ES SS ES FW TW CL CW LA ES ES',
    [RST]: 'CL CL SS CL CL TW CL CL CL CL CL',
  },
  InputOnly: {
    [SYN]: 'SR ES ES SR SR SR SR SR SR SR SR',
    [FIN]: 'CL FW SS TW FW TW CL CW LA LI TW',
    [ACK]: 'CL ES SS ES FW TW CL CW CL LI ES',
    [RST]: 'CL CL CL SR CL CL CL CL LA LI CL',
  },
} as const;

describe('the state table', () => {
  for (const [name, rows] of Object.entries(KERNEL)) {
    test(`${name} is the kernel's`, () => {
      const table = TcpTable[name as keyof typeof TcpTable];
      for (const [flag, row] of Object.entries(rows)) {
        const states = Array.from(
          { length: TCP_STATES },
          (_, state) => SHORT[nextTcpState(table, Number(flag), state)],
        );
        assert.equal(states.join(' '), row);
      }
    });
  }

  test('RST counts before SYN, SYN before FIN, FIN before ACK; PSH and URG do not count', () => {
    const next = (flags: number): number => nextTcpState(TcpTable.Input, flags, TcpState.Established);
    assert.equal(next(RST | SYN | FIN | ACK), TcpState.Close);
    assert.equal(next(SYN | FIN | ACK), next(SYN));
    assert.equal(next(FIN | ACK), TcpState.CloseWait);
    assert.equal(next(PSH | ACK | 0x20), TcpState.Established);
  });

  test('a segment without any flag closes', () => {
    assert.equal(nextTcpState(TcpTable.Input, 0, TcpState.Established), TcpState.Close);
  });

  test('a handshake and a close by the client end in TIME_WAIT', () => {
    const segments = [
      [TcpTable.Input, SYN, 'SYN_RECV'],
      [TcpTable.Output, SYN | ACK, 'SYN_RECV'],
      [TcpTable.Input, ACK, 'ESTABLISHED'],
      [TcpTable.Input, FIN | ACK, 'CLOSE_WAIT'],
      [TcpTable.Output, FIN | ACK, 'TIME_WAIT'],
      [TcpTable.Input, ACK, 'TIME_WAIT'],
    ] as const;
    let state: number = TcpState.None;
    for (const [table, flags, name] of segments) {
      state = nextTcpState(table, flags, state);
      assert.equal(tcpStateName(state), name);
    }
  });

  test('timeouts are 900 s established, 120 s after FIN, 60 s for SYN_RECV, 10 s for CLOSE', () => {
    assert.deepEqual(TCP_TIMEOUTS, [2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120]);
  });
});
