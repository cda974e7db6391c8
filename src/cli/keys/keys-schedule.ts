/** `vtep keys schedule`: plans the rotations of a key ring. */
import { type KeyRing, Profile, ROTATION_INTERVAL, RotationSchedule } from '../../overlay/index.js';
import { SeededRandom } from '../../replay/index.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { flag, option } from '../options/declared.js';
import { duration, file, integer, isoTime, time } from '../options/value-kinds.js';
import { keyRole } from './key-role.js';
import { planRotations, type RotationPlan, type SequenceOutlook, sequenceOutlook } from './rotation-plan.js';
import { styled } from '../style.js';
import { grouped, numbers, table, words } from '../table.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';

const DAY = 86_400;
const LONGEST = 366 * DAY;
/** Shorter intervals, in seconds, leave nodes too little time. */
const SHORTEST_ADVICE = 600;
/** Packets per second: a million times the rate of a fast NIC. */
const MAX_RATE = 1e15;

/** The inputs of a plan. */
interface Schedule {
  readonly start: number;
  readonly interval: number;
  readonly jitter: number;
  readonly profile: Profile;
}

async function ringOf(path: string | undefined): Promise<{ names: string[]; transmit: number; profile: Profile }> {
  if (path === undefined) {
    return { names: [0, 1, 2].map((i) => keyRole(i, 1)), transmit: 1, profile: Profile.Swarm };
  }
  const { readKeys } = await import('./key-files.js');
  const file = readKeys(path);
  if (file.kind !== 'ring') throw new UsageError(`${path}: not a key ring`);
  const ring: KeyRing = file.ring;
  const names = ring.keys.map(({ tag }) => String(tag));
  const transmit = ring.keys.indexOf(ring.transmit);
  ring.wipe();
  return { names, transmit, profile: file.profile };
}

function hours(seconds: number): string {
  return (seconds / 3600).toFixed(2);
}

function span(seconds: number): string {
  return `${grouped(Math.floor(seconds))} s (${hours(seconds)} h)`;
}

/** Text about sequence numbers. */
function* outlookLines(outlook: SequenceOutlook, jitter: number): Generator<string> {
  const { rate, bits, seconds, longest, runsOut } = outlook;
  const last = seconds > 100 * 366 * DAY ? 'for more than a century' : span(seconds);
  const head = `At ${grouped(rate)} packets/s from node to node, the 2^${bits} - 1 sequence numbers of an SA last ${last}`;
  if (runsOut === undefined) {
    const used = ((100 * longest) / seconds).toFixed(1);
    yield `${head}; a key transmits for at most ${span(longest)} and uses ${used} % of them.`;
    return;
  }
  yield (
    `${head}; a key transmits for up to ${span(longest)}. They run out: from ${isoTime(runsOut.time)}, nothing is` +
    ` sent with key ${runsOut.key} until the next rotation. Remedies:`
  );
  yield '  - profile: strict, if both ends are vtep: 64-bit sequence numbers (ESN)';
  const every = Math.floor(seconds - jitter);
  if (every >= SHORTEST_ADVICE) yield `  - a shorter interval: --every ${every} or less`;
  yield `  - a manual rotation within ${span(seconds)} of the last`;
}

/** A key is received from one rotation before it transmits until one after that, so that the outer columns can go. */
const LIFE_COLUMNS = [
  words('key'),
  words('received from', { keep: 1 }),
  words('transmits from'),
  words('transmits until'),
  words('received until', { keep: 2 }),
];

function print(output: TextOutput, plan: RotationPlan, { start, jitter }: Schedule, outlook?: SequenceOutlook): void {
  output.line([styled('Rotations', 'bold')]);
  const rows = plan.rotations.map((rotation) => {
    const { made, transmits, dropped } = rotation;
    return [isoTime(rotation.time), `+${hours(rotation.time - start)}`, made, transmits, dropped];
  });
  const columns = [
    words('time'),
    numbers('hours', { keep: 1 }),
    words('created'),
    words('now transmits'),
    words('dropped'),
  ];
  for (const line of table(columns, rows)) output.line(line);
  output.line('');
  output.line([styled('Keys (-: before the start)', 'bold')]);
  const lives = plan.lives.map(({ key, receivedFrom, transmitsFrom, transmitsUntil, receivedUntil }) => {
    const times = [receivedFrom, transmitsFrom, transmitsUntil, receivedUntil];
    return [key, ...times.map((time) => (time === undefined ? '-' : isoTime(time)))];
  });
  for (const line of table(LIFE_COLUMNS, lives)) output.line(line);
  if (outlook === undefined) return;
  output.line('');
  for (const line of outlookLines(outlook, jitter)) output.line(line);
}

/** The object of `--json`; null means before the start. */
function report(plan: RotationPlan, schedule: Schedule, outlook?: SequenceOutlook): object {
  const iso = (seconds: number | undefined): string | null => (seconds === undefined ? null : isoTime(seconds));
  const rotations = plan.rotations.map((rotation) => {
    return { ...rotation, time: isoTime(rotation.time), hours: (rotation.time - schedule.start) / 3600 };
  });
  const keys = plan.lives.map(({ key, receivedFrom, transmitsFrom, transmitsUntil, receivedUntil }) => ({
    key,
    receivedFrom: iso(receivedFrom),
    transmitsFrom: iso(transmitsFrom),
    transmitsUntil: iso(transmitsUntil),
    receivedUntil: iso(receivedUntil),
  }));
  return {
    ...schedule,
    start: isoTime(schedule.start),
    rotations,
    keys,
    ...(outlook === undefined ? {} : { sequence: sequenceReport(outlook) }),
  };
}

function sequenceReport({ runsOut, ...outlook }: SequenceOutlook): object {
  const found = runsOut === undefined ? null : { key: runsOut.key, time: isoTime(runsOut.time) };
  return { ...outlook, lasts: runsOut === undefined, runsOut: found };
}

/** `vtep keys schedule`. */
export const keysScheduleCommand = declare({
  usage: ['[OPTIONS]'],
  description: [
    'Plans the rotations of a key ring: when each key is created, becomes active and is dropped. Future keys are called ' +
      'next+1, next+2 and so on, counted from the newest one.',
  ],
  options: {
    ring: option('--ring FILE', 'the key ring', file).otherwise('the keys oldest, current and next'),
    start: option(
      '--start TIME',
      'when it was created or last rotated: 2026-11-21T12:00:00Z, or seconds since 1970',
      time,
    ).otherwise('now'),
    every: option(
      '--every DURATION',
      'interval between rotations: seconds, or 90m, 12h, 1d',
      duration(1, LONGEST),
    ).otherwise('12h, as in Swarm'),
    jitter: option(
      '--jitter DURATION',
      'maximum deviation of a rotation from the schedule, less than half of --every',
      duration(0, LONGEST),
    ).or(0),
    seed: option('--seed N', 'seed of the jitter', integer(0, 0xffffffff)).otherwise('1'),
    count: option('--count N', 'number of rotations, 1 to 1000', integer(1, 1000)).or(4),
    rate: option(
      '--rate N',
      'packets per second from one node to another: also check whether sequence numbers last',
      integer(1, MAX_RATE),
    ),
    json: flag('--json', 'print one JSON object'),
  },
  examples: [
    ['vtep keys schedule', "Swarm's schedule from now on"],
    ['vtep keys schedule --ring ring.yaml --every 1h --rate 1000000', 'whether hourly rotation suffices for 1 Mpps'],
  ],
  async run(values) {
    const { every: interval = ROTATION_INTERVAL, jitter, count, rate, seed } = values;
    const start = values.start ?? Math.floor(Date.now() / 1000);
    if (seed !== undefined && jitter === 0) throw new UsageError('--seed needs --jitter');
    const generator = new SeededRandom(seed ?? 1);
    const random = (): number => generator.word() / 2 ** 32;
    const rotations = new RotationSchedule({ start, interval, jitter, random });
    const { names, transmit, profile } = await ringOf(values.ring);
    const plan = planRotations(names, transmit, rotations, start, count);
    const bits = profile === Profile.Strict ? 64 : 32;
    const outlook = rate === undefined ? undefined : sequenceOutlook(plan, rate, bits);
    const schedule = { start, interval, jitter, profile };
    const output = new TextOutput();
    if (values.json) output.json(report(plan, schedule, outlook));
    else print(output, plan, schedule, outlook);
    output.flush();
    return ExitCode.Done;
  },
});
