import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeBackend } from '../../src/aead/index.js';
import { OutboundSa, type SecurityAssociation, SequenceForecast } from '../../src/ipsec/index.js';
import { association, MASK } from './build.js';

const HALF_DAY = 43_200;
const LAST = 0xffffffff;
const START = 1_800_000_000;
const ESN = { esn: true, replayWindow: 64 } as const;

function saOf(parameters: Partial<SecurityAssociation> = {}, sequence = { high: 0, low: 0 }): OutboundSa {
  return new OutboundSa(association(parameters), nodeBackend.create(), { ivMask: MASK, created: START, sequence });
}

/** Advances an SA's numbers as if many packets had been sealed, without taking hours. */
function carry(sa: OutboundSa, packets: number, bytes = 0): void {
  sa.sequenceLow += packets;
  assert.ok(sa.sequenceLow <= LAST);
  sa.lifetime.packets += packets;
  sa.lifetime.bytes += bytes;
}

/** Sends at a constant rate, sampling at an interval. */
function steady(forecast: SequenceForecast, sa: OutboundSa, from: number, to: number, rate: number, every = 1): void {
  for (let now = from + every; now <= to; now += every) {
    carry(sa, rate * every, 100 * rate * every);
    forecast.sample(now);
  }
}

function assertAbout(value: number, expected: number, part = 0.001): void {
  assert.ok(Math.abs(value - expected) <= expected * part, `${value} is not about ${expected}`);
}

describe('SequenceForecast', () => {
  test('RFC 4303 section 3.3.3: 2^32 - 1 packets are 12 hours at 99,420 packets per second', () => {
    const sa = saOf();
    const forecast = new SequenceForecast(sa, START);
    carry(sa, 99_420);
    forecast.sample(START + 1);
    assertAbout(1 + forecast.secondsLeft, HALF_DAY);
    steady(forecast, sa, START + 1, START + 3600, 99_420);
    assertAbout(3600 + forecast.secondsLeft, HALF_DAY);
    assertAbout(forecast.packetRate, 99_420);
  });

  test('extended sequence numbers do not run out in foreseeable time', () => {
    const sa = saOf(ESN);
    const forecast = new SequenceForecast(sa, START);
    steady(forecast, sa, START, START + 600, 99_420);
    assert.ok(forecast.secondsLeft > 1e6 * 365 * 86_400);
  });

  test('the numbers left are those after the last one sent', () => {
    const left = (parameters: Partial<SecurityAssociation>, high: number, low: number): number =>
      new SequenceForecast(saOf(parameters, { high, low }), START).numbersLeft;
    assert.equal(left({}, 0, 0), LAST);
    assert.equal(left({}, 0, LAST - 5), 5);
    assert.equal(left({}, 0, LAST), 0);
    assert.equal(left(ESN, 0, 0), 2 ** 64);
    assert.equal(left(ESN, LAST - 1, LAST - 5), 2 ** 32 + 5);
    assert.equal(left(ESN, LAST, LAST - 5), 5);
    assert.equal(left(ESN, LAST, LAST), 0);
  });

  test('a hard limit of packets, bytes or time ends the SA if it is reached sooner', () => {
    for (const [hard, end] of [
      [{ packets: 100_000 }, 1000],
      [{ bytes: 5_000_000 }, 500],
      [{ seconds: 200 }, 200],
      [{ packets: 100_000, bytes: 5_000_000, seconds: 700 }, 500],
      [{ packets: 100_000, bytes: 5_000_000, seconds: 300 }, 300],
    ] as const) {
      const sa = saOf({ limits: { hard } });
      const forecast = new SequenceForecast(sa, START);
      steady(forecast, sa, START, START + 100, 100);
      assertAbout(forecast.secondsLeft, end - 100);
    }
  });

  test('a limit in seconds counts from the SA’s creation, not from the first sample', () => {
    const sa = saOf({ limits: { hard: { seconds: 1000 } } });
    const forecast = new SequenceForecast(sa, START + 400);
    assert.equal(forecast.secondsLeft, 600);
    forecast.sample(START + 450);
    assert.equal(forecast.secondsLeft, 550);
  });

  test('soft limits do not end an SA', () => {
    const sa = saOf({ limits: { soft: { packets: 10, bytes: 10, seconds: 10 } } });
    const forecast = new SequenceForecast(sa, START);
    forecast.sample(START + 60);
    assert.equal(forecast.secondsLeft, Infinity);
  });

  test('an SA without traffic lasts forever', () => {
    for (const parameters of [{}, ESN, { limits: { hard: { packets: 5, bytes: 5 } } }]) {
      const forecast = new SequenceForecast(saOf(parameters), START);
      assert.equal(forecast.secondsLeft, Infinity);
      for (let now = START; now < START + 100; now++) forecast.sample(now);
      assert.deepEqual([forecast.secondsLeft, forecast.packetRate, forecast.byteRate], [Infinity, 0, 0]);
    }
  });

  test('an exhausted SA has zero seconds left, with or without traffic', () => {
    const usedUp = new SequenceForecast(saOf({}, { high: 0, low: LAST }), START);
    assert.equal(usedUp.secondsLeft, 0);
    usedUp.sample(START + 100);
    assert.equal(usedUp.secondsLeft, 0);
    for (const hard of [{ packets: 1000 }, { bytes: 100_000 }, { seconds: 10 }]) {
      const sa = saOf({ limits: { hard } });
      const forecast = new SequenceForecast(sa, START);
      steady(forecast, sa, START, START + 10, 100);
      assert.equal(forecast.secondsLeft, 0);
    }
    const sa = saOf({ limits: { hard: { packets: 10, bytes: 1000 } } });
    carry(sa, 10, 1000);
    assert.equal(new SequenceForecast(sa, START).secondsLeft, 0);
  });

  test('traffic from before the first sample does not count towards the rate', () => {
    const sa = saOf();
    carry(sa, 1_000_000, 1_000_000);
    const forecast = new SequenceForecast(sa, START);
    steady(forecast, sa, START, START + 10, 50);
    assertAbout(forecast.packetRate, 50);
    assertAbout(forecast.byteRate, 5000);
  });

  test('a rate decays over minutes: a one-minute burst raises it by a fifth, ten minutes make it the rate', () => {
    const sa = saOf();
    const forecast = new SequenceForecast(sa, START);
    const hour = START + 3600;
    steady(forecast, sa, START, hour, 1000);
    steady(forecast, sa, hour, hour + 60, 11_000);
    assertAbout(forecast.packetRate, 1000 + 10_000 * (1 - Math.exp(-60 / 300)), 0.01);
    steady(forecast, sa, hour + 60, hour + 1500, 11_000);
    assertAbout(forecast.packetRate, 11_000, 0.01);
    steady(forecast, sa, hour + 1500, hour + 3300, 0);
    assert.ok(forecast.packetRate < 30, `${forecast.packetRate} half an hour after the last packet`);
  });

  test('the sampling interval makes little difference', () => {
    for (const every of [1, 5, 60, 600]) {
      const sa = saOf();
      const forecast = new SequenceForecast(sa, START);
      steady(forecast, sa, START, START + 3600, 1000, every);
      steady(forecast, sa, START + 3600, START + 4200, 3000, every);
      assertAbout(forecast.packetRate, 1000 + 2000 * (1 - Math.exp(-2)), 0.01);
    }
  });

  test('in the first minutes the rate is the average so far', () => {
    const sa = saOf();
    const forecast = new SequenceForecast(sa, START);
    steady(forecast, sa, START, START + 60, 0);
    steady(forecast, sa, START + 60, START + 120, 1000);
    assertAbout(forecast.packetRate, 500, 0.05);
  });

  test('samples closer than a second are deferred', () => {
    const sa = saOf();
    const forecast = new SequenceForecast(sa, START);
    carry(sa, 500);
    forecast.sample(START);
    forecast.sample(START + 0.001);
    forecast.sample(START + 0.999);
    assert.equal(forecast.packetRate, 0);
    carry(sa, 500);
    forecast.sample(START + 1);
    assert.equal(forecast.packetRate, 1000);
    for (let tenth = 1; tenth <= 6000; tenth++) {
      carry(sa, 100);
      forecast.sample(START + 1 + tenth / 10);
    }
    assertAbout(forecast.packetRate, 1000, 0.01);
  });

  for (const age of [10, 60, 3600]) {
    for (const back of [30, 86_400]) {
      test(`a clock that goes back ${back} s after ${age} s leaves the rate unchanged`, () => {
        const sa = saOf();
        const forecast = new SequenceForecast(sa, START);
        steady(forecast, sa, START, START + age, 1000, 10);
        carry(sa, 10_000);
        forecast.sample(START + age - back);
        assertAbout(forecast.packetRate, 1000);
        for (let second = 1; second <= 100; second++) {
          carry(sa, 1000);
          forecast.sample(START + age - back + second);
          assertAbout(forecast.packetRate, 1000);
        }
      });
    }
  }

  test('a clock that goes backwards extends a limit in seconds', () => {
    const forecast = new SequenceForecast(saOf({ limits: { hard: { seconds: 1000 } } }), START);
    forecast.sample(START + 500);
    assert.equal(forecast.secondsLeft, 500);
    forecast.sample(START + 100);
    assert.equal(forecast.secondsLeft, 900);
  });
});
