import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pageStyle } from '../../src/report/page/page-style.js';

/** Variables of the light and of the dark scheme. */
function schemes(): Map<string, string>[] {
  const blocks = [...pageStyle().matchAll(/:root\{(--[^}]*)\}/g)].map(([, declarations]) => declarations);
  assert.equal(blocks.length, 2);
  return blocks.map(
    (block) => new Map([...block.matchAll(/--([a-z0-9]+):(#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value])),
  );
}

/** Relative luminance (WCAG 2.2). */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** What is written on what. */
const TEXTS: readonly (readonly [ink: string, ground: string])[] = [
  ...['ink', 'faint', 'note', 'error', 'warning', 'good'].map((ink) => [ink, 'card'] as const),
  ['ink', 'code'],
  ['faint', 'code'],
  ['ink', 'box'],
  ['faint', 'box'],
  ...['error', 'warning', 'note', 'good'].map((tone) => ['card', tone] as const),
  ...Array.from({ length: 8 }, (_, i) => ['card', `network${i}`] as const),
];

describe('the style sheet', () => {
  for (const [scheme, name] of [
    [0, 'light'],
    [1, 'dark'],
  ] as const) {
    test(`${name}: text has a contrast of at least 4.5, and areas and focus of at least 3 (WCAG AA)`, () => {
      const colours = schemes()[scheme];
      const of = (variable: string): string => {
        const colour = colours.get(variable);
        assert.ok(colour !== undefined, variable);
        return colour;
      };
      for (const [ink, ground] of TEXTS) {
        const ratio = contrast(of(ink), of(ground));
        assert.ok(ratio >= 4.5, `${ink} on ${ground}: ${ratio.toFixed(2)}`);
      }
      assert.ok(contrast(of('focus'), of('card')) >= 3);
    });
  }

  test('is light on paper, and opens what is closed', () => {
    assert.match(pageStyle(), /@media screen and \(prefers-color-scheme:dark\)/);
    assert.match(pageStyle(), /@media print\{[^]*details-content/);
  });

  test('braces balance', () => {
    const text = pageStyle();
    assert.equal(text.split('{').length, text.split('}').length);
  });
});
