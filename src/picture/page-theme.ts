/** Pictures on a page of ours, which declares their colours as variables, so that it can share them. */
import { type Colours, colourRules, narrowRules, shapeRules } from './theme.js';

/** Class of pictures in their narrow form. */
export const NARROW_CLASS = 'vtep-narrow';

function variablesOf({ networks, ...rest }: Colours): [name: string, colour: string][] {
  return [...Object.entries(rest), ...networks.map((colour, i): [string, string] => [`network${i}`, colour])];
}

/** Declarations of the variables: `--card`, `--box`, `--line`, `--ink`, `--faint`, `--network0` to `--network7`. */
export function colourVariables(colours: Colours): string {
  return variablesOf(colours)
    .map(([name, colour]) => `--${name}:${colour};`)
    .join('');
}

/** The style sheet of the pictures on such a page. */
export function pageStyleSheet({ networks, ...rest }: Colours): string {
  const variable = (name: string): string => `var(--${name})`;
  const names = Object.fromEntries(Object.keys(rest).map((name) => [name, variable(name)])) as typeof rest;
  const rules = colourRules({ ...names, networks: networks.map((_, i) => variable(`network${i}`)) });
  return [...shapeRules(), ...rules, ...narrowRules(NARROW_CLASS)].join('\n');
}
