import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { picture } from '../../bench/svg.js';
import { elementsOf, parsePicture } from './xml.js';

describe('pictures of measurements', () => {
  test('a picture has a sheet of its own size, a title and a description', () => {
    const root = parsePicture(picture(200, 100, 'a title', 'what it shows'));
    const [sheet] = elementsOf(root, 'rect');
    assert.equal(sheet.attributes.get('width'), '199');
    assert.deepEqual(
      root.children.slice(0, 2).map((child) => child.text),
      ['a title', 'what it shows'],
    );
  });
});
