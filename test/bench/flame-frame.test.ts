import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type CpuProfile, ProfileError } from '../../bench/cpu-profile.js';
import { DEEPEST, type FlameFrame, flameFrames, Origin } from '../../bench/flame-frame.js';
import { profileOf } from './profile-sample.js';

function outline(frames: readonly FlameFrame[]): string[] {
  return frames.map(({ name, depth, start, samples }) => `${'  '.repeat(depth)}${name} ${start}+${samples}`);
}

const stacks = fc.array(
  fc.tuple(
    fc
      .array(fc.constantFrom('run', 'seal@own', 'open@own', 'update@node', '(program)'), { minLength: 1, maxLength: 6 })
      .map((words) => words.join(' ')),
    fc.integer({ min: 1, max: 400 }),
  ),
  { minLength: 1, maxLength: 12 },
);

describe('frames of a profile', () => {
  test('a frame includes its own samples and its callees’, the widest first', () => {
    const frames = flameFrames(
      profileOf([
        ['run', 1],
        ['run open', 2],
        ['run seal', 3],
        ['run seal burst', 4],
      ]),
    );
    assert.deepEqual(outline(frames), ['all 0+10', '  run 0+10', '    seal 0+7', '      burst 0+4', '    open 7+2']);
  });

  test('no frame exceeds its caller, none overlaps another, and the first is as wide as the samples', () => {
    fc.assert(
      fc.property(stacks, (made) => {
        const frames = flameFrames(profileOf(made));
        assert.equal(
          frames[0].samples,
          made.reduce((sum, [, samples]) => sum + samples, 0),
        );
        const ends: number[] = [];
        const callers: FlameFrame[] = [];
        for (const frame of frames) {
          if (frame.depth > 0) {
            const caller = callers[frame.depth - 1];
            assert.ok(frame.start >= caller.start && frame.start + frame.samples <= caller.start + caller.samples);
          }
          assert.ok(frame.start >= (ends[frame.depth] ?? 0));
          ends[frame.depth] = frame.start + frame.samples;
          callers[frame.depth] = frame;
        }
      }),
    );
  });

  test('the frames without callees, and callers’ own samples, add up to the samples', () => {
    fc.assert(
      fc.property(stacks, (made) => {
        // All of them wide enough to be shown.
        const even = made.map(([stack]): [string, number] => [stack, 10]);
        const frames = flameFrames(profileOf(even));
        const own = frames.map(({ depth, samples }, i) => {
          const rest = frames.slice(i + 1);
          const end = rest.findIndex((other) => other.depth <= depth);
          const called = (end < 0 ? rest : rest.slice(0, end)).filter((other) => other.depth === depth + 1);
          return samples - called.reduce((sum, other) => sum + other.samples, 0);
        });
        assert.ok(own.every((samples) => samples >= 0 && samples % 10 === 0));
        assert.equal(
          own.reduce((sum, samples) => sum + samples, 0),
          even.length * 10,
        );
      }),
    );
  });

  test('frames narrower than 0.3 % are merged, or omitted if even the merged one is too narrow', () => {
    const narrow: [string, number][] = [
      ['run a', 2],
      ['run b', 1],
      ['stop c', 2],
    ];
    const frames = flameFrames(profileOf([['run', 500], ['stop', 495], ...narrow]));
    assert.deepEqual(outline(frames), ['all 0+1000', '  run 0+503', '    … 0+3', '  stop 503+497']);
    assert.equal(frames[2].location, '2 narrow frames');
  });

  test('a focus shows one function and its callees, whatever the caller', () => {
    const made: [string, number][] = [
      ['main run@own seal', 2],
      ['other run@own open', 1],
      ['main seal', 5],
    ];
    const frames = flameFrames(profileOf(made), 'run');
    assert.deepEqual(outline(frames), ['run 0+3', '  seal 0+2', '  open 2+1']);
    assert.equal(frames[0].location, 'seal.js:11');
  });

  test('a recursive focus is counted once', () => {
    assert.deepEqual(outline(flameFrames(profileOf([['main run a run', 4]]), 'run')), [
      'run 0+4',
      '  a 0+4',
      '    run 0+4',
    ]);
  });

  test('idle samples do not count', () => {
    assert.deepEqual(
      outline(
        flameFrames(
          profileOf([
            ['run', 2],
            ['(idle)', 9],
          ]),
        ),
      ),
      ['all 0+2', '  run 0+2'],
    );
  });

  test('a frame shows its origin, and its file and line without a folder', () => {
    const kinds = ['own', 'free', 'package', 'bench', 'node', 'wasm'];
    const made = kinds.map((kind): [string, number] => [`f@${kind}`, 1]);
    const frames = flameFrames(profileOf([...made, ['(garbage collector)', 1]])).slice(1);
    assert.deepEqual(
      new Map(frames.map(({ location, origin }) => [location, origin])),
      new Map<string, Origin>([
        ['seal.js:11', Origin.Own],
        ['forge-aead.js:11', Origin.Own],
        ['index.js:11', Origin.Other],
        ['run.js:11', Origin.Other],
        ['cipher:11', Origin.Node],
        ['00ab12cd:11', Origin.Wasm],
        ['', Origin.Native],
      ]),
    );
  });

  test('recursion is shown to a limited depth, and may be a hundred thousand calls deep', () => {
    const frames = flameFrames(profileOf([[Array.from({ length: 100_000 }, () => 'f').join(' '), 1]]));
    assert.equal(frames.length, DEEPEST);
  });

  test('refuses a profile that is not a tree, or has no samples', () => {
    const good = profileOf([['run seal', 2]]);
    const withNode = (at: number, change: object): CpuProfile => ({
      ...good,
      nodes: good.nodes.map((node, i) => (i === at ? { ...node, ...change } : node)),
    });
    const refused = (profile: CpuProfile, message: RegExp, focus?: string): void => {
      assert.throws(
        () => flameFrames(profile, focus),
        (error) => error instanceof ProfileError && message.test(error.message),
      );
    };
    refused({ ...good, samples: [99] }, /a sample refers to node 99/);
    refused(withNode(1, { id: 3 }), /two nodes have the same id/);
    refused(withNode(0, { children: [2, 3] }), /node 3 has two callers/);
    refused(withNode(2, { children: [1] }), /has a cycle/);
    refused({ ...good, samples: [] }, /all samples are idle/);
    refused(profileOf([['(idle)', 3]]), /all samples are idle/);
    refused(good, /no sample is in a function open/, 'open');
  });
});
