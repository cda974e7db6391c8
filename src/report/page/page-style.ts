/** The style sheet of the page: light and dark, wide and narrow, on a screen and on paper. */
import {
  type Colours,
  colourVariables,
  DARK,
  FONT,
  LIGHT,
  NETWORK_COLOURS,
  pageStyleSheet,
} from '../../picture/internal.js';

/** Colours besides those of pictures. Text in them has a contrast of at least 4.5 : 1 on the page. */
const LIGHT_PAGE = '--error:#b42318;--warning:#8a5a00;--note:#0550ae;--good:#116329;--focus:#0969da;--code:#eef1f4;';
const DARK_PAGE = '--error:#ff7b72;--warning:#d29922;--note:#79c0ff;--good:#56d364;--focus:#4493f8;--code:#1c222a;';

const MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace";

function variables(colours: Colours, page: string): string {
  return `:root{${colourVariables(colours)}${page}}`;
}

/** Areas in the colours of networks: what charts fill and outline. */
function areaRules(): string {
  const colours = Array.from({ length: NETWORK_COLOURS }, (_, i) => [`${i}`, `var(--network${i})`]);
  return [...colours, ['', 'var(--faint)']]
    .map(
      ([name, colour]) =>
        `.fill${name}{fill:${colour};background:${colour}}.area${name}{fill:${colour};stroke:${colour}}`,
    )
    .join('');
}

const BASE = `
*,::before,::after{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:1rem;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--card);color:var(--ink);font:15px/1.55 ${FONT};font-variant-numeric:tabular-nums}
h1,h2,h3,h4,p,ul,ol,dl,dd,figure,pre{margin:0;padding:0}
h1{font:600 1.5rem/1.3 ${MONO};letter-spacing:-.02em;overflow-wrap:anywhere}
h2{font-size:1.25rem;line-height:1.3;letter-spacing:-.01em;margin-bottom:.75rem}
h2:focus{outline:none}
h3{font-size:1rem;line-height:1.4}
h4{font-size:.8125rem;line-height:1.4;color:var(--faint);font-weight:600;margin-bottom:.25rem}
p,li,dd,figcaption{overflow-wrap:anywhere}
a{color:var(--note);text-underline-offset:.15em}
code,pre,.c{font-family:${MONO};font-size:.8125rem}
figcaption,.more,.quiet{color:var(--faint);font-size:.8125rem}
.quiet{font-weight:400}
:focus-visible{outline:2px solid var(--focus);outline-offset:2px;border-radius:4px}
.skip{position:absolute;left:1rem;top:-4rem;background:var(--card);padding:.5rem .75rem;border:1px solid var(--line);border-radius:6px;z-index:2}
.skip:focus{top:1rem}
.page{max-width:1240px;margin:0 auto;padding:2rem 1.5rem 3rem;display:grid;grid-template-columns:156px minmax(0,1fr);column-gap:2.25rem}
header,footer{grid-column:1/-1}
header{margin-bottom:2.25rem}
.subtitle{color:var(--faint);margin-top:.25rem}
.verdict{display:inline-flex;align-items:center;gap:.5rem;font-weight:600;text-decoration:none;margin-top:.75rem}
.verdict:hover{text-decoration:underline}
.verdict::before{content:"";width:.625rem;height:.625rem;border-radius:50%;background:currentColor}
.figures{display:flex;flex-wrap:wrap;justify-content:space-between;gap:1rem 2rem;margin-top:1.25rem;padding:.875rem 0 1rem;border:solid var(--line);border-width:1px 0}
.figures div{display:flex;flex-direction:column-reverse}
.figures dt{color:var(--faint);font-size:.8125rem}
.figures dd{font-size:1.375rem;font-weight:600;letter-spacing:-.01em;line-height:1.3;white-space:nowrap}
nav{position:sticky;top:1.5rem;align-self:start;font-size:.875rem}
nav ul{list-style:none}
nav a{display:block;padding:.3125rem .75rem;color:var(--faint);text-decoration:none;border-left:2px solid var(--line)}
nav a:hover{color:var(--ink)}
nav a[aria-current]{color:var(--ink);font-weight:600;border-left-color:var(--focus)}
section+section{margin-top:2.5rem;padding-top:1.75rem;border-top:1px solid var(--line)}
.card>*+*{margin-top:1rem}
.card>h3:not(:first-child){margin-top:1.75rem}
.card>h3+*{margin-top:.375rem}
figcaption{margin-top:.75rem;max-width:54rem}
footer{margin-top:2.5rem;color:var(--faint);font-size:.8125rem}
.error{--tone:var(--error)}.warning{--tone:var(--warning)}.note{--tone:var(--note)}.good{--tone:var(--good)}
.verdict{color:var(--tone)}
.badge{display:inline-block;color:var(--card);background:var(--tone);border-radius:4px;padding:0 .4375rem;font-size:.75rem;font-weight:600;line-height:1.25rem}
.tag{display:inline-block;color:var(--faint);background:var(--code);border-radius:4px;padding:0 .375rem;font-size:.75rem;line-height:1.25rem}
.finding{display:grid;grid-template-columns:5.5rem minmax(0,1fr);column-gap:1rem;padding:1rem 0}
.finding:first-of-type{padding-top:.25rem}
.finding+.finding{border-top:1px solid var(--line)}
.finding>*{grid-column:2}
.finding>.tags{grid-column:1;grid-row:1/span 4;display:flex;flex-direction:column;align-items:flex-start;gap:.25rem;padding-top:.125rem}
.finding h3{margin-bottom:.125rem}
.finding details{margin-top:.75rem}
.alike ul{font-size:.875rem;padding-left:1.25rem;margin-top:.375rem}
.alike li+li{margin-top:.25rem}
.collect{margin-top:1rem}
.finding-parts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1rem 2rem;margin-top:.75rem;font-size:.875rem}
.finding-parts>div>*+h4{margin-top:.875rem}
.finding-parts ul,.finding-parts ol,.card ol{padding-left:1.25rem}
.finding-parts li+li{margin-top:.25rem}
.places{color:var(--faint);font-size:.8125rem}
.places::before{content:"("}.places::after{content:")"}
.commands{display:flex;gap:.75rem;align-items:flex-start;background:var(--code);border-radius:6px;padding:.5rem .5rem .5rem .75rem;margin-top:.5rem;white-space:pre-wrap;overflow-wrap:anywhere}
.commands code{flex:1;min-width:0}
.commands button{flex:none;font:600 .75rem/1.25rem ${FONT};color:var(--ink);background:var(--card);border:1px solid var(--line);border-radius:4px;padding:0 .5rem;cursor:pointer}
.problems{list-style:none}
.problems li{display:grid;grid-template-columns:4.75rem minmax(0,1fr) auto;gap:.25rem 1rem;align-items:baseline;padding:.625rem 0}
.problems li+li{border-top:1px solid var(--line)}
.problems .badge{justify-self:start}
.nothing{display:flex;align-items:center;gap:.625rem}
.nothing svg{width:1.25rem;height:1.25rem;flex:none;fill:none;stroke:var(--good);stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
summary{cursor:pointer;color:var(--note);font-size:.875rem;width:fit-content}
.data+.data{margin-top:.375rem}
.data[open]>summary{margin-bottom:.5rem}
.scroll{overflow-x:auto;background:linear-gradient(90deg,var(--card) 30%,transparent) 0 0/32px 100% no-repeat local,linear-gradient(270deg,var(--card) 30%,transparent) 100% 0/32px 100% no-repeat local,linear-gradient(90deg,var(--line),transparent) 0 0/10px 100% no-repeat scroll,linear-gradient(270deg,var(--line),transparent) 100% 0/10px 100% no-repeat scroll}
.data .scroll{max-height:32rem;overflow-y:auto}
table{border-collapse:collapse;width:100%;font-size:.875rem}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
th,td{text-align:left;padding:.375rem .5625rem;vertical-align:top;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--faint);font-size:.8125rem;font-weight:600;vertical-align:bottom;white-space:nowrap;font-family:${FONT}}
tbody th{font-weight:400}
th:first-child,td:first-child{padding-left:0}
th:last-child,td:last-child{padding-right:0}
.n,.numbers td{text-align:right;white-space:nowrap}
thead .c{font:inherit;font-size:.8125rem;font-weight:600}
tbody .c{white-space:nowrap}
th button{all:unset;cursor:pointer;display:inline-flex;align-items:baseline;gap:.25rem}
.n button{flex-direction:row-reverse}
th button::after{content:"↕";opacity:.45;font-size:.75em}
th[aria-sort=ascending] button::after{content:"↑";opacity:1}
th[aria-sort=descending] button::after{content:"↓";opacity:1}
th[aria-sort=ascending] button,th[aria-sort=descending] button{color:var(--ink)}
th button:focus-visible{outline:2px solid var(--focus);outline-offset:2px;border-radius:4px}
.to{color:var(--faint)}
.share{display:inline-block;min-width:3.75rem;color:var(--faint)}
.bar{display:block;width:100%;min-width:5rem;height:4px;margin-top:.25rem;border-radius:2px;background:var(--code)}
.swatch{display:inline-block;width:.75rem;height:.75rem;border-radius:3px;vertical-align:-.0625rem;margin-right:.125rem;forced-color-adjust:none}
.stack{display:block;width:100%;height:1.75rem;border-radius:6px;background:var(--code)}
.stack rect{stroke:var(--card);stroke-width:1px}
.fill-line{fill:var(--line);background:var(--line)}
.bar rect,.stack rect{height:100%}
.vtep-picture{display:block;width:100%;height:auto}
.narrow-only{display:none;max-width:30rem;margin:0 auto}
.keyed{white-space:nowrap}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.125rem;font-size:.8125rem;margin-bottom:.75rem}
.plot-row{display:flex;gap:.625rem}
.rate-axis{flex:none;width:4.75rem;display:flex;flex-direction:column;justify-content:space-between;text-align:right;color:var(--faint);font-size:.75rem;line-height:1rem;margin:-.5rem 0}
.plot{flex:1;min-width:0;position:relative}
.throughput .plot>svg:not(.time-axis){display:block;width:100%;height:13rem;overflow:visible;touch-action:pan-y}
.throughput path{vector-effect:non-scaling-stroke;fill-opacity:.2;stroke-width:1.5;stroke-linejoin:round}
.throughput path.faint{fill-opacity:.1;stroke-dasharray:3 2}
.swatch.faint{opacity:.45}
.grid{stroke:var(--line);stroke-width:1;fill:none}
.throughput .grid{stroke-width:1}
.throughput .cursor{stroke:var(--ink);stroke-width:1;fill:none;visibility:hidden}
.throughput.reading .cursor{visibility:visible}
.time-axis{display:block;width:100%;height:1.25rem;overflow:visible;font-size:.75rem}
.time-axis text{fill:var(--faint)}
.scrub{display:flex;flex-wrap:wrap;gap:.25rem .75rem;align-items:center;margin:.25rem 0 0 5.375rem;font-size:.8125rem;min-height:1.5rem}
.scrub input{width:100%;height:1rem;margin:0;background:none;appearance:none;cursor:pointer}
.scrub input::-webkit-slider-runnable-track{height:3px;border-radius:2px;background:var(--line)}
.scrub input::-moz-range-track{height:3px;border-radius:2px;background:var(--line)}
.scrub input::-webkit-slider-thumb{appearance:none;width:.75rem;height:.75rem;margin-top:-4.5px;border-radius:50%;background:var(--focus)}
.scrub input::-moz-range-thumb{width:.75rem;height:.75rem;border:0;border-radius:50%;background:var(--focus)}
.scrub output{color:var(--faint)}
.scrub output b{color:var(--ink);font-weight:600}
.key-row{display:grid;grid-template-columns:15.5rem minmax(0,1fr);gap:.25rem 1rem;align-items:center;padding:.375rem 0}
.key-row+.key-row{border-top:1px solid var(--line)}
.way{font-size:.8125rem}
.spans{display:block;width:100%;height:28px;overflow:visible}
.spi{font:600 10.5px ${MONO};text-anchor:middle;fill:var(--card)}
.rotation{stroke:var(--faint);stroke-dasharray:3 3}
.service+.service{margin-top:1.75rem}
.facts{list-style:none;display:flex;flex-wrap:wrap;gap:.125rem 1.25rem;color:var(--faint);font-size:.8125rem;margin:.125rem 0 .625rem}
.files{list-style:none}
.notes{font-size:.875rem;padding-left:1.25rem}
`;

const NARROWER = `
@media (max-width:1040px){
.page{display:block;padding:1.5rem 1.25rem 2.5rem}
nav{position:static;margin:-.5rem 0 1.5rem}
nav ul{display:flex;flex-wrap:wrap;gap:.375rem}
nav a,nav a[aria-current]{border:1px solid var(--line);border-radius:999px;background:var(--card);padding:.1875rem .75rem;font-weight:400;color:var(--ink)}
}
@media (max-width:720px){
.wide-only{display:none}
.narrow-only{display:block}
.key-row{grid-template-columns:minmax(0,1fr)}
.minor{display:none}
}
@media (max-width:480px){
.page{padding:1.25rem .875rem 2rem}
h1{font-size:1.375rem}
.figures{display:grid;grid-template-columns:repeat(2,minmax(0,1fr))}
.finding{display:block}
.finding>.tags{flex-flow:row wrap;align-items:center;margin-bottom:.375rem}
.problems li{grid-template-columns:auto minmax(0,1fr)}
.problems li p{grid-column:1/-1;grid-row:2}
.problems li .tag{justify-self:end}
.rate-axis{width:3.75rem}
.scrub{margin-left:4.375rem}
.throughput .plot>svg:not(.time-axis){height:10rem}
th,td{padding:.375rem .5rem}
td .to,th .to{display:block;padding-left:.75rem}
}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
`;

const PRINT = `
@media print{
:root{color-scheme:light}
body{font-size:10pt}
.page{display:block;max-width:none;padding:0}
nav,.skip,.scrub,.commands button,summary,.series{display:none}
.alike>summary,.collect>summary,.data:has(.notes)>summary{display:block;color:var(--faint)}
.data caption{position:static;width:auto;height:auto;clip-path:none;text-align:left;font-weight:600;padding:.5rem 0 .25rem}
details::details-content{content-visibility:visible;display:block;height:auto}
.scroll,.data .scroll{overflow:visible;max-height:none;background:none}
table{font-size:7pt}
thead th,thead .c,thead .n{white-space:normal;font-size:6.5pt}
.wide-only{display:block}
.narrow-only{display:none}
.key-row{grid-template-columns:13rem minmax(0,1fr)}
.bar{min-width:0}
th button::after{content:none}
th,td{padding:.15rem .25rem}
.c,td code{font-size:6.5pt}
.commands,.commands code{font-size:8pt}
.data tbody .c{white-space:normal;overflow-wrap:anywhere}
h2,h3,h4{break-after:avoid}
figure,.finding,tr,.service,.figures{break-inside:avoid}
section+section{margin-top:1.5rem}
.bar,.stack,.swatch,.badge,.area,.vtep-picture{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
`;

/** The style sheet, as one text. On paper, the page is always light. */
export function pageStyle(): string {
  return [
    ':root{color-scheme:light dark}',
    variables(LIGHT, LIGHT_PAGE),
    `@media screen and (prefers-color-scheme:dark){${variables(DARK, DARK_PAGE)}}`,
    pageStyleSheet(LIGHT),
    areaRules(),
    BASE.trim(),
    NARROWER.trim(),
    PRINT.trim(),
  ].join('\n');
}
