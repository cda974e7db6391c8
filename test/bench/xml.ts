/** Parses the subset of XML in pictures, and refuses what isn't well formed. */
import assert from 'node:assert/strict';

/** An element of a picture. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlElement[];
  /** Its own text, unescaped. */
  text: string;
}

const TOKEN = /<(\/?)([a-z][A-Za-z]*)((?: [A-Za-z][A-Za-z0-9-]*="[^"<]*")*)(\/?)>|([^<]+)/y;
const ALLOWED = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u;
const ENTITIES = new Map([
  ['&lt;', '<'],
  ['&gt;', '>'],
  ['&amp;', '&'],
  ['&quot;', '"'],
  ['&apos;', "'"],
]);

function unescape(text: string): string {
  return text.replace(/&[^;]*;?/g, (entity) => {
    const character = ENTITIES.get(entity);
    assert.ok(character !== undefined, `no entity: ${entity}`);
    return character;
  });
}

/** The root of a document; fails the calling test if the text is not XML. */
export function parseXml(text: string): XmlElement {
  assert.match(text, ALLOWED);
  const top: XmlElement = { name: '', attributes: new Map(), children: [], text: '' };
  const open = [top];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    assert.ok(match !== null, `not well formed: ${text.slice(at, at + 80)}`);
    const [, closing, name, attributes, empty, words] = match as (string | undefined)[];
    const parent = open[open.length - 1];
    if (name === undefined) {
      parent.text += unescape(words ?? '');
    } else if (closing === '/') {
      assert.equal(open.pop()?.name, name);
    } else {
      const pairs = [...(attributes ?? '').matchAll(/([A-Za-z-]+)="([^"]*)"/g)];
      const child = { name, attributes: new Map(pairs.map(([, key, value]) => [key, unescape(value)])) };
      assert.equal(child.attributes.size, pairs.length, 'a duplicate attribute');
      const made = { ...child, children: [], text: '' };
      parent.children.push(made);
      if (empty !== '/') open.push(made);
    }
  }
  assert.equal(open.length, 1, 'an element is not closed');
  assert.equal(top.children.length, 1);
  assert.equal(top.text.trim(), '');
  return top.children[0];
}

/** All elements of a name, in drawing order. */
export function elementsOf(root: XmlElement, name: string): XmlElement[] {
  const below = root.children.flatMap((child) => elementsOf(child, name));
  return root.name === name ? [root, ...below] : below;
}

/** A numeric attribute. */
export function numberOf(element: XmlElement, attribute: string): number {
  const value = Number(element.attributes.get(attribute) ?? 'missing');
  assert.ok(Number.isFinite(value), `${attribute} of ${element.name}`);
  return value;
}

const GEOMETRY = ['x', 'y', 'x1', 'y1', 'x2', 'y2', 'cx', 'cy', 'width', 'height', 'r'];

/** A picture's root; fails the test if any position or length in it is not a number, or no text describes it. */
export function parsePicture(text: string): XmlElement {
  const root = parseXml(text);
  assert.equal(root.name, 'svg');
  assert.equal(root.attributes.get('role'), 'img');
  for (const name of ['title', 'desc'])
    assert.ok(root.children.some((child) => child.name === name && child.text !== ''));
  const check = (element: XmlElement): void => {
    for (const key of GEOMETRY) if (element.attributes.has(key)) numberOf(element, key);
    for (const key of ['width', 'height']) assert.ok(!element.attributes.has(key) || numberOf(element, key) >= 0);
    assert.match(element.attributes.get('d') ?? 'M1 1', /^(?:[MLCHV]-?[\d.]+(?: -?[\d.]+)* ?)+$/);
    element.children.forEach(check);
  };
  check(root);
  return root;
}
