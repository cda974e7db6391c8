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

/** Does what sealing so many packets does to an SA's numbers, without the hours that it would take. */
function carry(sa: OutboundSa, packets: number, bytes = 0): void {
  sa.sequenceLow += packets;
  assert.ok(sa.sequenceLow <= LAST);
  sa.lifetime.packets += packets;
  sa.lifetime.bytes += bytes;
}

/** Lets an SA carry packets at a rate, and looks at it every so often. */
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
  test('2^32 - 1 packets are 12 hours at 99,420 packets a second (RFC 4303 section 3.3.3)', () => {
    const sa = saOf();
    const forecast = new SequenceForecast(sa, START);
    carry(sa, 99_420);
    forecast.sample(START + 1);
    assertAbout(1 + forecast.secondsLeft, HALF_DAY);
    steady(forecast, sa, START + 1, START + 3600, 99_420);
    assertAbout(3600 + forecast.secondsLeft, HALF_DAY);
    assertAbout(forecast.packetRate, 99_420);
  });

  test('with extended sequence numbers there is no end to be seen', () => {
    const sa = saOf(ESN);
    const forecast = new SequenceForecast(sa, START);
    steady(forecast, sa, START, START + 600, 99_420);
    assert.ok(forecast.secondsLeft > 1e6 * 365 * 86_400);
  });

  test('the numbers that are left are those behind the last one that was sent', () => {
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

  test('a hard limit of packets, bytes or time that comes sooner is the end', () => {
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

  test('a limit in seconds counts from when the SA was made, not from when it is watched', () => {
    const sa = saOf({ limits: { hard: { seconds: 1000 } } });
    const forecast = new SequenceForecast(sa, START + 400);
    assert.equal(forecast.secondsLeft, 600);
    forecast.sample(START + 450);
    assert.equal(forecast.secondsLeft, 550);
  });

  test('soft limits end nothing', () => {
    const sa = saOf({ limits: { soft: { packets: 10, bytes: 10, seconds: 10 } } });
    const forecast = new SequenceForecast(sa, START);
    forecast.sample(START + 60);
    assert.equal(forecast.secondsLeft, Infinity);
  });

  test('without traffic an SA lasts for ever', () => {
    for (const parameters of [{}, ESN, { limits: { hard: { packets: 5, bytes: 5 } } }]) {
      const forecast = new SequenceForecast(saOf(parameters), START);
      assert.equal(forecast.secondsLeft, Infinity);
      for (let now = START; now < START + 100; now++) forecast.sample(now);
      assert.deepEqual([forecast.secondsLeft, forecast.packetRate, forecast.byteRate], [Infinity, 0, 0]);
    }
  });

  test('an SA at its end has no second left, with traffic or without', () => {
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

  test('what an SA carried before it was watched is no part of its rate', () => {
    const sa = saOf();
    carry(sa, 1_000_000, 1_000_000);
    const forecast = new SequenceForecast(sa, START);
    steady(forecast, sa, START, START + 10, 50);
    assertAbout(forecast.packetRate, 50);
    assertAbout(forecast.byteRate, 5000);
  });

  test('a rate fades over minutes: a burst of one raises it by a fifth, ten make it the rate', () => {
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

  test('how often it looks makes little difference', () => {
    for (const every of [1, 5, 60, 600]) {
      const sa = saOf();
      const forecast = new SequenceForecast(sa, START);
      steady(forecast, sa, START, START + 3600, 1000, every);
      steady(forecast, sa, START + 3600, START + 4200, 3000, every);
      assertAbout(forecast.packetRate, 1000 + 2000 * (1 - Math.exp(-2)), 0.01);
    }
  });

  test('in its first minutes the rate is that of all the time so far', () => {
    const sa = saOf();
    const forecast = new SequenceForecast(sa, START);
    steady(forecast, sa, START, START + 60, 0);
    steady(forecast, sa, START + 60, START + 120, 1000);
    assertAbout(forecast.packetRate, 500, 0.05);
  });

  test('samples closer than a second are left for the next one', () => {
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
      test(`a clock that goes back ${back} s after ${age} s leaves the rate as it was`, () => {
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

  test('a clock that goes back lets a limit in seconds last the longer', () => {
    const forecast = new SequenceForecast(saOf({ limits: { hard: { seconds: 1000 } } }), START);
    forecast.sample(START + 500);
    assert.equal(forecast.secondsLeft, 500);
    forecast.sample(START + 100);
    assert.equal(forecast.secondsLeft, 900);
  });
});
