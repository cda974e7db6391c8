/** Parses the HTML of pages, and refuses what isn't balanced. */
import assert from 'node:assert/strict';

/** An element of a page. */
export interface PageElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: PageElement[];
  /** Its own text and that of its descendants, unescaped. */
  text: string;
}

const VOID = new Set(['meta', 'link', 'br', 'input']);
const RAW = new Set(['style', 'script']);
const TAG = /<(\/?)([a-z][a-zA-Z0-9]*)((?: [a-zA-Z][a-zA-Z0-9-]*(?:="[^"<>]*")?)*)(\/?)>|<!doctype html>|([^<]+)/y;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replace(/&([^;]*);/g, (_, name: string) => {
    assert.ok(name in ENTITIES, `no entity: ${name}`);
    return ENTITIES[name];
  });
}

/** The root of a page; fails the calling test if a tag isn't closed, or text isn't escaped. */
export function parsePage(html: string): PageElement {
  const top: PageElement = { name: '', attributes: new Map(), children: [], text: '' };
  const open = [top];
  TAG.lastIndex = 0;
  while (TAG.lastIndex < html.length) {
    const at = TAG.lastIndex;
    const match = TAG.exec(html);
    assert.ok(match !== null, `not well formed: ${html.slice(at, at + 120)}`);
    const [, closing, name, attributes, empty, words] = match as (string | undefined)[];
    if (name === undefined) {
      for (const element of open) element.text += unescape(words ?? '');
    } else if (closing === '/') {
      assert.equal(open.pop()?.name, name);
    } else {
      const pairs = [...(attributes ?? '').matchAll(/([a-zA-Z][a-zA-Z0-9-]*)(?:="([^"]*)")?/g)].map(
        ([, key, value]) => [key, unescape((value as string | undefined) ?? '')] as const,
      );
      const made = { name, attributes: new Map(pairs), children: [], text: '' };
      assert.equal(made.attributes.size, pairs.length, 'a duplicate attribute');
      open[open.length - 1].children.push(made);
      if (VOID.has(name) || empty === '/') continue;
      open.push(made);
      if (!RAW.has(name)) continue;
      const end = html.indexOf(`</${name}>`, TAG.lastIndex);
      made.text = html.slice(TAG.lastIndex, end);
      TAG.lastIndex = end;
    }
  }
  assert.equal(open.length, 1, 'an element is not closed');
  assert.equal(top.children.length, 1);
  return top.children[0];
}

/** All elements of a name, in the order of the page; `*` for all. */
export function elementsOf(root: PageElement, name: string): PageElement[] {
  const below = root.children.flatMap((child) => elementsOf(child, name));
  return name === '*' || root.name === name ? [root, ...below] : below;
}

/** The element with an id. */
export function elementById(root: PageElement, id: string): PageElement {
  const found = elementsOf(root, '*').filter(({ attributes }) => attributes.get('id') === id);
  assert.equal(found.length, 1, id);
  return found[0];
}
