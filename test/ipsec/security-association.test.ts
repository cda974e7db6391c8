import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeBackend } from '../../src/aead/index.js';
import {
  checkSecurityAssociation,
  formatSpi,
  InboundSa,
  IpsecError,
  type IpsecErrorCode,
  OutboundSa,
  type SecurityAssociation,
} from '../../src/ipsec/index.js';
import { parseIpv4, parseIpv6 } from '../../src/wire/index.js';
import { association, MASK } from './build.js';

function refused(parameters: Partial<SecurityAssociation>, code: IpsecErrorCode, name = '0x1f279ba7'): void {
  const sa = association(parameters);
  const says = (error: unknown): boolean => {
    assert.ok(error instanceof IpsecError);
    assert.equal(error.code, code);
    assert.ok(!error.message.includes('\n'), error.message);
    assert.ok(error.message.includes(name), `no ${name} in: ${error.message}`);
    return true;
  };
  if (code !== 'BAD_LIMIT') assert.throws(() => checkSecurityAssociation(sa), says);
  assert.throws(() => new InboundSa(sa, nodeBackend.create()), says);
  assert.throws(() => new OutboundSa(sa, nodeBackend.create(), { ivMask: MASK }), says);
}

describe('checkSecurityAssociation (RFC 4301 section 4.4.2)', () => {
  test('valid parameters give the addresses as bytes', () => {
    assert.deepEqual(checkSecurityAssociation(association()), {
      family: 4,
      source: parseIpv4('192.168.50.1'),
      destination: parseIpv4('192.168.50.2'),
    });
    assert.deepEqual(checkSecurityAssociation(association({ source: 'fd50::1', destination: 'fd50::2' })), {
      family: 6,
      source: parseIpv6('fd50::1'),
      destination: parseIpv6('fd50::2'),
    });
  });

  test('RFC 4303 section 2.1: an SPI is 1 to 2^32 - 1', () => {
    for (const spi of [1, 255, 256, 0x80000000, 0xffffffff]) checkSecurityAssociation(association({ spi }));
    for (const spi of [0, -1, 2 ** 32, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      refused({ spi }, 'BAD_SPI', `not ${spi}`);
    }
  });

  test('addresses of different IP versions are BAD_ADDRESS', () => {
    refused({ source: 'fd50::1' }, 'BAD_ADDRESS');
    refused({ destination: 'fd50::1' }, 'BAD_ADDRESS');
  });

  for (const [which, text] of [
    ['source', 'nowhere'],
    ['source', ''],
    ['source', '192.168.50'],
    ['source', '192.168.50.256'],
    ['destination', 'fd50::g'],
    ['destination', 'fd50::1%eth0'],
    ['destination', '10.0.0.0/8'],
    ['destination', '10.0.0.1\n'],
  ] as const) {
    test(`an invalid address (${which} ${JSON.stringify(text)}) is BAD_ADDRESS, in one line with the SPI`, () => {
      refused({ [which]: text }, 'BAD_ADDRESS');
    });
  }

  test('RFC 4106 section 6: an ICV has 8, 12 or 16 bytes', () => {
    for (const icvLength of [8, 12, 16]) checkSecurityAssociation(association({ icvLength }));
    for (const icvLength of [0, 4, 7, 9, 10, 13, 15, 17, 32, 64, 128, -8, 8.5, Number.NaN]) {
      refused({ icvLength }, 'BAD_ICV_LENGTH');
    }
  });

  test('RFC 4303 section 3.4.3: a replay window is 32 to 4096 packets, or 0 without ESN', () => {
    for (const replayWindow of [0, 32, 33, 64, 1000, 4096]) checkSecurityAssociation(association({ replayWindow }));
    for (const replayWindow of [1, 16, 31, 4097, -1, -64, 64.5, Number.NaN]) {
      refused({ replayWindow }, 'BAD_REPLAY_WINDOW');
      refused({ replayWindow, esn: true }, 'BAD_REPLAY_WINDOW');
    }
  });

  test('RFC 4303 appendix A: ESN needs a replay window, without which the high-order half could not be inferred', () => {
    refused({ replayWindow: 0, esn: true }, 'BAD_REPLAY_WINDOW');
    checkSecurityAssociation(association({ replayWindow: 32, esn: true }));
  });

  test('a limit that is not more than 0 is BAD_LIMIT, in one line with the SPI', () => {
    refused({ limits: { hard: { packets: 0 } } }, 'BAD_LIMIT');
    refused({ limits: { soft: { seconds: -1 } } }, 'BAD_LIMIT');
  });

  test('an SPI is formatted as 0x and eight digits, as ip xfrm prints it', () => {
    assert.deepEqual([1, 0xab, 0x1f279ba7, 0xffffffff].map(formatSpi), [
      '0x00000001',
      '0x000000ab',
      '0x1f279ba7',
      '0xffffffff',
    ]);
  });

  test('a refused SA leaves no key in the cipher', () => {
    let keys = 0;
    const aead = { ...nodeBackend.create(), name: 'spy', addKey: (): number => keys++ };
    for (const parameters of [{ spi: 0 }, { icvLength: 1 }, { replayWindow: 1 }, { limits: { hard: { bytes: 0 } } }]) {
      assert.throws(() => new InboundSa(association(parameters), aead), IpsecError);
      assert.throws(() => new OutboundSa(association(parameters), aead, { ivMask: MASK }), IpsecError);
    }
    assert.throws(() => new OutboundSa(association(), aead, { ivMask: new Uint8Array(7) }), IpsecError);
    assert.equal(keys, 0);
  });
});
