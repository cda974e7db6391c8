/** Colours and letters of the pictures, for light and dark pages, wide and narrow. */
import { FONT } from './markup.js';

/** Class of every picture's root; the style sheet applies to nothing else on a page. */
export const ROOT_CLASS = 'vtep-picture';
/** Number of colours of networks. */
export const NETWORK_COLOURS = 8;

/** Font sizes in pixels of a picture 800 pixels wide: shown at full width, and at about half of it. */
export const Size = {
  Title: { wide: 17, narrow: 24 },
  Heading: { wide: 13, narrow: 21 },
  Body: { wide: 13, narrow: 20 },
  Small: { wide: 11.5, narrow: 19 },
} as const;
export type Size = (typeof Size)[keyof typeof Size];

/** The colours of a picture, and of a page around it. */
export interface Colours {
  readonly card: string;
  readonly box: string;
  readonly line: string;
  readonly ink: string;
  readonly faint: string;
  readonly networks: readonly string[];
}

/** On light pages and on paper. */
export const LIGHT: Colours = {
  card: '#ffffff',
  box: '#f6f8fa',
  line: '#d1d9e0',
  ink: '#1f2328',
  faint: '#59636e',
  networks: ['#0969da', '#bc4c00', '#1a7f37', '#8250df', '#bf3989', '#9a6700', '#0e7c86', '#cf222e'],
};
/** On dark pages. */
export const DARK: Colours = {
  card: '#0d1117',
  box: '#161b22',
  line: '#3d444d',
  ink: '#e6edf3',
  faint: '#9198a1',
  networks: ['#4493f8', '#f0883e', '#3fb950', '#ab7df8', '#f778ba', '#d29922', '#39c5cf', '#ff7b72'],
};

const CLASSES = [
  ['title', Size.Title],
  ['heading', Size.Heading],
  ['body', Size.Body],
  ['small', Size.Small],
] as const;

/** The class that gives text a size. */
export function sizeClass(size: Size): string {
  return CLASSES.find(([, one]) => one === size)?.[0] ?? 'body';
}

function rule(selector: string, declarations: string): string {
  return `.${ROOT_CLASS} ${selector}{${declarations}}`;
}

/** The rules that give everything its colour. */
export function colourRules({ card, box, line, ink, faint, networks }: Colours): string[] {
  return [
    rule('text', `fill:${ink}`),
    rule('.faint', `fill:${faint}`),
    rule('.card', `fill:${card};stroke:${line}`),
    rule('.box', `fill:${box};stroke:${line}`),
    rule('.rule', `stroke:${line}`),
    rule('.halo', `stroke:${card}`),
    rule('.fill', `fill:${faint}`),
    rule('.edge', `stroke:${faint}`),
    ...networks.flatMap((colour, i) => [rule(`.fill${i}`, `fill:${colour}`), rule(`.edge${i}`, `stroke:${colour}`)]),
  ];
}

/** The rules that hold in every scheme and at every width, and show the wide form. */
export function shapeRules(): string[] {
  return [
    `.${ROOT_CLASS}{font-family:${FONT.replaceAll("'", '')}}`,
    ...CLASSES.map(([name, { wide }]) => rule(`.${name}`, `font-size:${wide}px`)),
    rule('.strong', 'font-weight:600'),
    rule('.end', 'text-anchor:end'),
    rule('.middle', 'text-anchor:middle'),
    rule('.halo', 'stroke-width:4px;paint-order:stroke;stroke-linejoin:round'),
    rule('path', 'fill:none'),
    rule('.narrow', 'display:none'),
  ];
}

/**
 * The rules that show the narrow form.
 * @param root class of the pictures that they apply to
 */
export function narrowRules(root: string = ROOT_CLASS): string[] {
  return [
    `.${root} .wide{display:none}`,
    `.${root} .narrow{display:inline}`,
    ...CLASSES.map(([name, size]) => `.${root} .${name}{font-size:${size.narrow}px}`),
  ];
}

/** The style sheet of a picture. */
export function styleSheet(): string {
  return [
    ...shapeRules(),
    ...colourRules(LIGHT),
    `@media (prefers-color-scheme:dark){${colourRules(DARK).join('')}}`,
    `@media (max-width:560px){${narrowRules().join('')}}`,
  ].join('\n');
}

/** The class of areas in a network's colour; of other traffic, if undefined. */
export function fillClass(index: number | undefined): string {
  return index === undefined ? 'fill' : `fill${index}`;
}

/** The class of lines in a network's colour; of several networks or other traffic, if undefined. */
export function edgeClass(index: number | undefined): string {
  return index === undefined ? 'edge' : `edge${index}`;
}
