import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headersLength } from '../../../bench/fleet/simulated/nats-cost.js';
import { perSecond, runScenario, type ScenarioResult } from '../../../bench/fleet/simulated/scenario.js';
import { TrafficKind } from '../../../bench/fleet/simulated/traffic.js';
import { VirtualTime } from '../../../bench/fleet/simulated/virtual-time.js';
import { encodeRecord } from '../../../src/fleet/index.js';
import { endpointRecord } from '../../../bench/fleet/endpoint-record.js';

const SECOND = 1000;
const HOSTS = 20;
const LEASE = 1000;
const OPTIONS = { hosts: HOSTS, endpoints: 400, rate: 10, minutes: 0, lease: LEASE, outageSeconds: 5, seed: 7 };
/** Milliseconds between a leader's turns. */
const TURN = LEASE / 5;
/** Renewals are due after a third of the lease, and nodes look every 50 ms. */
const RENEWED = LEASE / 3 + 50;

const first = await runScenario(OPTIONS);

/** All that a run counts, without what it took. */
function figures({ cpuSeconds, ...result }: ScenarioResult): unknown {
  assert.ok(cpuSeconds > 0);
  const kinds = Object.values(TrafficKind);
  const of = ({ traffic }: Pick<ScenarioResult['idle'], 'traffic'>): unknown => kinds.map((kind) => traffic.of(kind));
  const { idle, changing, outage } = result;
  return JSON.stringify({
    ...result,
    idle: of(idle),
    changing: of(changing),
    outage: { ...outage, traffic: of(outage) },
  });
}

test('a run repeats by its seed', async () => {
  assert.equal(figures(await runScenario(OPTIONS)), figures(first));
});

test('every host renews its lease three times in its duration, and the leader alone sees it', () => {
  const { idle } = first;
  const { records } = perSecond(idle, TrafficKind.Lease);
  assert.ok(
    records > (HOSTS * SECOND) / RENEWED - 1 && records <= (3 * HOSTS * SECOND) / LEASE,
    `${records} renewals a second`,
  );
  assert.equal(idle.traffic.of(TrafficKind.LeaseSeen).records, idle.traffic.of(TrafficKind.Lease).records);
  assert.equal(
    idle.traffic.of(TrafficKind.LeaderSeen).records,
    HOSTS * idle.traffic.of(TrafficKind.LeaderLease).records,
  );
  assert.equal(idle.traffic.of(TrafficKind.RecordSeen).records, 0);
});

test('every host gets every change of an endpoint once, with its whole value', () => {
  const { changing } = first;
  const seen = changing.traffic.of(TrafficKind.RecordSeen);
  assert.equal(changing.changes, OPTIONS.rate * changing.seconds);
  assert.equal(seen.records, HOSTS * changing.changes);
  assert.equal(seen.messagesOut, seen.records);
  let bytes = 0;
  for (let i = 0; i < changing.changes; i++) bytes += encodeRecord(endpointRecord(i, HOSTS, new Date(0))).length;
  assert.equal(seen.bytesOut, HOSTS * bytes);
});

test('at a start, all hosts read all endpoints; in groups, a second sees one group', () => {
  const { atOnce, inGroups } = first;
  assert.equal(atOnce.peak, atOnce.bytes);
  let values = 0;
  for (let i = 0; i < OPTIONS.endpoints; i++) values += encodeRecord(endpointRecord(i, HOSTS, new Date(0))).length;
  assert.ok(atOnce.bytes > HOSTS * values && atOnce.bytes < 1.2 * HOSTS * values, `${atOnce.bytes}`);
  assert.ok(inGroups.peak <= inGroups.bytes);
});

test('a host that dies is withdrawn after its lease, and a leader that dies has a successor after its own', () => {
  const { withdrawn, leader } = first;
  assert.ok(withdrawn > LEASE - RENEWED && withdrawn <= LEASE + TURN + 50, `withdrawn after ${withdrawn} ms`);
  // The leader looks once a second whether a third of its lease has passed.
  assert.ok(leader.elected > LEASE - RENEWED - TURN && leader.elected <= LEASE + TURN + 50, `${leader.elected} ms`);
  assert.ok(leader.withdrawn >= leader.elected + LEASE && leader.withdrawn <= leader.elected + LEASE + 2 * TURN);
});

test('after an outage every host gets what it missed, once: none reads everything again or is withdrawn', () => {
  const { outage } = first;
  assert.equal(outage.alive, HOSTS - 2);
  assert.ok(outage.missed >= 50);
  assert.equal(outage.traffic.of(TrafficKind.RecordSeen).records, outage.alive * outage.missed);
  assert.deepEqual([outage.readAgain, outage.withdrawn], [0, 0]);
});

test("the headers of a write have the length that a server of NATS counted: a key's name is in them once", () => {
  assert.equal(headersLength('networks/n/endpoints/c1', undefined), 0);
  assert.equal(headersLength('networks/n/endpoints/c1', 0), 52);
  // 210.37 bytes with a value of 100 on average of 200 keys in the bucket vtep_cost, whose name is a byte shorter.
  assert.equal(headersLength('networks/n/endpoints/c100', 150), 113);
});

test('virtual time: events come in the order of their times, those of one time in the order they were planned', async () => {
  const time = new VirtualTime(1);
  const order: string[] = [];
  for (const [name, at] of Object.entries({ e: 30, b: 10, c: 10, a: 5, d: 20 })) time.at(at, () => order.push(name));
  await time.pass(20);
  assert.deepEqual([order.join(''), time.clock()], ['abcd', 20]);
  assert.equal(await time.passUntil(() => order.length === 5, 100), 10);
  await assert.rejects(time.passUntil(() => false, 100));
});
