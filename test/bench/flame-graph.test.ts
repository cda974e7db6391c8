import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ProfileError, readProfile } from '../../bench/cpu-profile.js';
import { flameGraph } from '../../bench/flame-graph.js';
import { profileOf } from './profile-sample.js';
import { anyText } from './sample-report.js';
import { elementsOf, numberOf, parsePicture, type XmlElement } from './xml.js';

/** The box of a frame, and its label. */
function frameOf(root: XmlElement, tip: string): { box: XmlElement; label: string | undefined } {
  const group = elementsOf(root, 'g').find(({ children }) => children[0].text === tip);
  assert.ok(group !== undefined, `no frame ${tip}`);
  return { box: elementsOf(group, 'rect')[0], label: elementsOf(group, 'text').at(0)?.text };
}

describe('flame graphs', () => {
  test('frames are as wide as their samples, next to each other, below their caller', () => {
    const root = parsePicture(
      flameGraph(
        profileOf([
          ['run seal@own', 75],
          ['run open@own', 25],
        ]),
        'title',
      ),
    );
    const [run, seal, open] = ['run, 100.0 %', 'seal (seal.js:11), 75.0 %', 'open (seal.js:11), 25.0 %'].map(
      (tip) => frameOf(root, tip).box,
    );
    assert.ok(Math.abs(numberOf(seal, 'width') - 3 * numberOf(open, 'width')) < 2);
    assert.ok(Math.abs(numberOf(seal, 'width') + numberOf(open, 'width') - numberOf(run, 'width')) < 1);
    assert.equal(numberOf(seal, 'x'), numberOf(run, 'x'));
    assert.ok(numberOf(seal, 'y') > numberOf(run, 'y'));
    assert.equal(numberOf(seal, 'y'), numberOf(open, 'y'));
  });

  test('a label names the file if it fits, is truncated if not, and is omitted in narrow frames', () => {
    const profile = profileOf([
      ['run@own', 940],
      ['aFunctionOfALongName@own', 50],
      ['narrow@own', 10],
    ]);
    const root = parsePicture(flameGraph(profile, 'title'));
    assert.equal(frameOf(root, 'run (seal.js:11), 94.0 %').label, 'run (seal.js:11)');
    assert.match(frameOf(root, 'aFunctionOfALongName (seal.js:11), 5.0 %').label ?? '', /^aFunc.*…$/);
    assert.equal(frameOf(root, 'narrow (seal.js:11), 1.0 %').label, undefined);
  });

  test('the caption has the number of counted samples and their duration', () => {
    const texts = elementsOf(
      parsePicture(
        flameGraph(
          profileOf([
            ['run', 1500],
            ['(idle)', 500],
          ]),
          'title',
        ),
      ),
      'text',
    );
    assert.equal(texts[1].text, '1,500 of 2,000 samples in 2.0 s');
  });

  test('the picture shows no folder of the machine, not even from a function named like one', () => {
    const text = flameGraph(
      profileOf([
        ['run@own', 1],
        ['get /home/somebody/x@bench', 1],
        ['f@package', 1],
      ]),
      'title',
    );
    assert.doesNotMatch(text, /home|somebody|Users|body|node_modules|file:/);
  });

  test('any names give a well-formed picture', () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1, maxLength: 8 }), anyText, (names, title) => {
        const profile = profileOf(names.map((_, i): [string, number] => [`f${i}`, 1]));
        const nodes = profile.nodes.map((node, i) =>
          i === 0 ? node : { ...node, callFrame: { ...node.callFrame, functionName: names[i - 1] } },
        );
        if (names.includes('(idle)')) return;
        parsePicture(flameGraph({ ...profile, nodes }, `a ${title}`));
      }),
    );
  });

  test('parses a profile as written by node', () => {
    const profile = profileOf([['run seal', 3]]);
    const written = {
      ...profile,
      startTime: 1,
      endTime: 2,
      nodes: profile.nodes.map((node) => ({ ...node, hitCount: 1 })),
    };
    assert.deepEqual(readProfile(JSON.stringify(written)), profile);
  });

  test('refuses a file that is not a profile, in one line', () => {
    for (const text of ['', 'x', '[]', '{"nodes":[]}', '{"nodes":[{"id":"1"}],"samples":[],"timeDeltas":[]}']) {
      assert.throws(
        () => readProfile(text),
        (error) => error instanceof ProfileError && !error.message.includes('\n'),
      );
    }
  });
});
