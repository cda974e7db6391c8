import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatPublishedPort, OverlayError, parsePublishedPort } from '../../../src/overlay/index.js';

const SEED = 20261129;

describe('a published port', () => {
  for (const [text, entries] of [
    ['8080:80', ['8080:80/tcp']],
    ['8080:80/tcp', ['8080:80/tcp']],
    ['53/udp', ['53/udp']],
    [':80', ['80/tcp']],
    ['9000:9000/SCTP', ['9000:9000/sctp']],
    ['7000-7002:8000-8002', ['7000:8000/tcp', '7001:8001/tcp', '7002:8002/tcp']],
    ['90-91/udp', ['90/udp', '91/udp']],
    ['published=8080,target=80', ['8080:80/tcp']],
    ['target=53,protocol=udp', ['53/udp']],
    ['mode=host, published=9090, target=80', ['9090:80/tcp (host)']],
    ['published=0,target=80', ['80/tcp']],
    ['published=7000-7001,target=8000-8001,protocol=udp', ['7000:8000/udp', '7001:8001/udp']],
  ] as const) {
    test(`is read from ${text}`, () => {
      assert.deepEqual(parsePublishedPort(text).map(formatPublishedPort), entries);
    });
  }

  for (const [text, says] of [
    ['', /"" is neither a port nor a range of ports/],
    ['80:', /"" is neither a port/],
    ['8080:80/icmp', /"icmp" is none of tcp, udp and sctp/],
    ['8080:80/tcp/udp', /more than one protocol/],
    ['127.0.0.1:8080:80', /hostip is not supported/],
    ['0:80', /ports are 1 to 65535/],
    ['65536', /ports are 1 to 65535/],
    ['80-79', /the range 80-79 is backwards/],
    ['7000-7002:80', /7000-7002 and 80-80 have different lengths/],
    ['1-65535', /a range has at most 4096 ports/],
    ['published=80', /missing mandatory field "target"/],
    ['target=80,mode=vip', /neither ingress nor host/],
    ['target=80,port=9', /"port" is not a field; there are published, target, protocol and mode/],
    ['target=80,target=81', /it has target twice/],
    ['target=80,published', /"published" is not a field with its value/],
    ['\u001b[31m', /is neither a port nor a range/],
  ] as const) {
    test(`is refused in ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parsePublishedPort(text),
        (error) =>
          error instanceof OverlayError &&
          error.code === 'BAD_CONFIG' &&
          says.test(error.message) &&
          !error.message.includes('\u001b'),
      );
    });
  }

  test('is read back from what formats it', () => {
    const port = fc.integer({ min: 1, max: 65_535 });
    const entry = fc.record({
      protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
      target: port,
      published: fc.oneof(fc.constant(0), port),
    });
    fc.assert(
      fc.property(entry, (one) => {
        const whole = { ...one, mode: 'ingress' } as const;
        assert.deepEqual(parsePublishedPort(formatPublishedPort(whole)), [whole]);
        const long = `published=${one.published},target=${one.target},protocol=${one.protocol},mode=host`;
        assert.deepEqual(parsePublishedPort(long), [{ ...one, mode: 'host' }]);
      }),
      { seed: SEED },
    );
  });

  test('survives any text with an error of its own', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parsePublishedPort(text);
        } catch (error) {
          assert.ok(error instanceof OverlayError);
        }
      }),
      { seed: SEED },
    );
  });
});
