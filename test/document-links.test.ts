/** Links between the documents lead to files that exist, and to headings that these have. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, test } from 'node:test';
import { ROOT } from './repository.js';

const DOCUMENTS = [
  'README.md',
  'CHANGELOG.md',
  'bench/README.md',
  'docs/deploy/README.md',
  'fixtures/README.md',
  ...readdirSync(join(ROOT, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
];

function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(path: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of textOf(path).matchAll(/^#+ (.*)$/gm)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = text.replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-');
    let unique = anchor;
    for (let i = 1; anchors.has(unique); i++) unique = `${anchor}-${i}`;
    anchors.add(unique);
  }
  return anchors;
}

/** The links of a document that aren't to other sites. */
function linksOf(path: string): string[] {
  return [...textOf(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link).filter((link) => !/^\w+:/.test(link));
}

describe('links of the documents', () => {
  test('there are links, with and without anchors', () => {
    const links = DOCUMENTS.flatMap(linksOf);
    assert.ok(links.filter((link) => link.includes('#')).length > 10);
    assert.ok(links.filter((link) => !link.includes('#')).length > 30);
  });

  for (const path of DOCUMENTS) {
    test(`those of ${path} lead to a file, and to a heading in it`, () => {
      for (const link of linksOf(path)) {
        const [file, anchor] = link.split('#') as [string, string?];
        const target = file === '' ? path : posix.join(posix.dirname(path), file);
        assert.ok(existsSync(join(ROOT, target)), `${link}: there is no such file`);
        if (anchor !== undefined) assert.ok(anchorsOf(target).has(anchor), `${link}: there is no such heading`);
      }
    });
  }
});
