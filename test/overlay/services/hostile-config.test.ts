/** What a wrong config may do: give one clear error, or a topology that doesn't contradict itself. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { VtepError } from '../../../src/error.js';
import type { Topology } from '../../../src/overlay/index.js';
import { parseConfig } from '../../../src/overlay/files.js';
import { formatAddress } from '../../../src/overlay/prefix.js';
import { printable } from '../../../src/text/plain-text.js';
import { cpuSeconds } from '../../cpu-time.js';
import { configKey, goodConfig, hostileConfig } from './hostile-config.js';

const SEED = 20261129;
const LONGEST = 1000;

/** Who has which address, for all networks. */
function checkAddresses({ networks, endpoints }: Topology): void {
  const owners = new Map<string, string>();
  for (const { network, ip, name } of endpoints) {
    if (ip === undefined) continue;
    const key = `${formatAddress(ip)} on ${networks[network].name}`;
    assert.equal(owners.get(key), undefined, `${key}: ${owners.get(key) ?? ''} and ${name}`);
    owners.set(key, name);
  }
}

describe('a wrong config of a swarm', () => {
  test('the good one is read', () => {
    const topology = parseConfig(goodConfig);
    checkAddresses(topology);
    assert.ok((topology.services?.records.length ?? 0) >= 4);
  });

  for (const [what, from, to, says] of [
    [
      'a network twice',
      '"networks":["my-network"]',
      '"networks":["my-network","my-network"]',
      /services\.db\.networks\.1: "my-network" is listed twice$/,
    ],
    ['a number as an alias', '["site"]', '[7]', /services\.my-web\.aliases\.0: 7 is not a name$/],
    [
      'an alias that is a text instead of a list',
      '["www"]',
      '"www"',
      /services\.my-web\.networks\.my-network\.aliases: "www" is not a list of names$/,
    ],
    [
      'an unknown field of a membership',
      '{"aliases":["www"]}',
      '{"alias":["www"]}',
      /services\.my-web\.networks\.my-network: unknown field "alias"; did you mean aliases\?$/,
    ],
    [
      'a VIP that is a number',
      '"vip":{"my-network":"10.0.9.2"}',
      '"vip":{"my-network":2}',
      /services\.my-web\.vip\.my-network: 2 is not an IP address$/,
    ],
    [
      'neither a list nor a block',
      '"networks":["my-network"]',
      '"networks":7',
      /services\.db\.networks: 7 is not a list of networks, or a block of them with their aliases$/,
    ],
  ] as const) {
    test(`${what}: the error says where, and what is wrong there`, () => {
      assert.ok(goodConfig.includes(from));
      assert.throws(() => parseConfig(goodConfig.replace(from, to)), { code: 'BAD_CONFIG', message: says });
    });
  }

  test('gives an error with a code, in one printable line without keys; or a topology with each address once', () => {
    const outcomes = new Map<string, number>();
    let slowest = 0;
    fc.assert(
      fc.property(hostileConfig, (text) => {
        let outcome = 'read';
        const seconds = cpuSeconds(() => {
          try {
            checkAddresses(parseConfig(text));
          } catch (error) {
            if (!(error instanceof VtepError)) throw error;
            outcome = error.code;
            assert.equal(error.message, printable(error.message));
            assert.ok(
              error.message.length > 0 && error.message.length <= LONGEST,
              `${error.message.length} characters`,
            );
            assert.ok(!error.message.includes(configKey), error.message);
          }
        });
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        slowest = Math.max(slowest, seconds);
      }),
      { seed: SEED, numRuns: 3000 },
    );
    assert.ok(slowest < 2, `${slowest} s`);
    // The changes reach both ends.
    for (const code of ['read', 'BAD_CONFIG']) assert.ok((outcomes.get(code) ?? 0) > 100, code);
  });
});
