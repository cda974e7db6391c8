import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type FleetOptions,
  HOUR,
  INTERVAL,
  LEASE,
  MINUTE,
  SECOND,
  SETTLE,
  SimulatedFleet,
  type SimulatedNode,
} from './simulated-fleet.js';

const DAYS = 30;
const NODES = 5;
const END = DAYS * 24 * HOUR;

interface Faults {
  /** The longest time in which no node could write, in milliseconds. */
  longestOutage: number;
  cuts: number;
  restarts: number;
}

/** Plans faults over the whole time: of single nodes, often of the leader, and of the store for all. */
function plan(fleet: SimulatedFleet): Faults {
  const faults = { longestOutage: 0, cuts: 0, restarts: 0 };
  const victim = (): SimulatedNode => {
    const leader = fleet.nodes.find(({ leads }) => leads);
    return leader && fleet.random() < 0.5 ? leader : fleet.nodes[fleet.below(NODES)];
  };
  for (let time = HOUR; time < END; time += fleet.below(6 * HOUR)) {
    fleet.at(time, () => {
      const node = victim();
      const back = fleet.time + fleet.below(fleet.random() < 0.2 ? 3 * HOUR : 30 * MINUTE);
      if (fleet.random() < 0.6) {
        faults.cuts++;
        node.cut();
        fleet.at(back, () => node.heal());
      } else {
        faults.restarts++;
        if (fleet.random() < 0.3) node.release();
        else node.kill();
        fleet.at(back, () => node.start());
      }
    });
  }
  for (let time = 24 * HOUR; time < END; time += 24 * HOUR + fleet.below(72 * HOUR)) {
    const length = fleet.below(10 * HOUR);
    faults.longestOutage = Math.max(faults.longestOutage, length);
    fleet.at(time, () => {
      for (const node of fleet.nodes) node.cut();
      fleet.at(fleet.time + length, () => {
        for (const node of fleet.nodes) node.heal();
      });
    });
  }
  return faults;
}

const RUNS: readonly FleetOptions[] = [
  { seed: 1, nodes: NODES, skew: 0, drift: 0 },
  { seed: 2, nodes: NODES, skew: 10 * MINUTE, drift: 1e-4 },
  { seed: 3, nodes: NODES, skew: 48 * HOUR, drift: 1e-3 },
];

for (const options of RUNS) {
  const { seed, skew, drift } = options;
  const clocks = `clocks ${skew / MINUTE} minutes and ${drift * 1e6} ppm off`;
  test(`two leaders never rotate one ring in ${DAYS} days of faults: seed ${seed}, ${clocks}`, async (t) => {
    const fleet = new SimulatedFleet(options);
    const faults = plan(fleet);
    await fleet.run(END);
    const { rotations } = fleet;
    const gaps = rotations.slice(1).map(({ time }, i) => time - rotations[i].time);
    const elections = fleet.failures.get('elected') ?? 0;
    t.diagnostic(
      `${rotations.length} rings, ${elections} elections, ${faults.cuts} cuts, ${faults.restarts} restarts, ` +
        `${fleet.adrift} late writes made, ${fleet.failures.get('OUTCOME_UNKNOWN') ?? 0} outcomes unknown; ` +
        `gaps ${(Math.min(...gaps) / MINUTE).toFixed(1)} min to ${(Math.max(...gaps) / HOUR).toFixed(2)} h, ` +
        `longest outage ${(faults.longestOutage / HOUR).toFixed(2)} h`,
    );
    assert.ok(elections > DAYS && faults.cuts > 50 && faults.restarts > 30, 'leaders changed often');
    assert.deepEqual(
      rotations.map(({ rotations: number }) => number),
      rotations.map((_, i) => i),
      'each ring is written once, in order',
    );
    assert.ok(Math.min(...gaps) >= SETTLE * (1 - 2 * drift), 'never twice in the settle time');
    // Two clocks can be off in opposite directions. A leader can be lost several times while a rotation is due.
    const most = INTERVAL * (1 + 2 * drift) + faults.longestOutage + 2 * skew + 4 * LEASE + SETTLE;
    assert.ok(Math.max(...gaps) <= most, `${Math.max(...gaps) / SECOND} s, and at most ${most / SECOND}`);
    rotations.forEach(({ rotations: number, had }) => {
      assert.ok(
        had.every((each) => each >= number - 1),
        `all connected nodes had ring ${number - 1}: ${had.join()}`,
      );
    });
    if (drift === 0) assert.equal(fleet.mostLeaders, 1);
  });
}
