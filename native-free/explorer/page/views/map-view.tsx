/** The map: nodes, the traffic between them, and the endpoints behind them; sized by what is selected. */
import { useMemo, useRef } from 'preact/hooks';
import { type NetworkIndex, ownColours } from '../../../../src/picture/internal.js';
import { byteText } from '../../../../src/text/quantity.js';
import { counted } from '../parts/counted.js';
import { type Column, DataTable } from '../parts/data-table.js';
import { Swatch, useNetworkColours } from '../parts/network-swatch.js';
import { useWidth } from '../parts/use-width.js';
import { curveBetween, type MapFrame, placeAround, placeNodes, type Placed } from '../picture/map-layout.js';
import { RateChart } from '../picture/rate-chart.js';
import { SavePicture, SaveTable } from '../picture/save-buttons.js';
import { nodeTerm, vniTerm, withTerm } from '../state/terms.js';
import type { ViewProps } from '../view-props.js';
import { awaitedText } from './awaited.js';
import { mapContents, type MapContents, type MapEndpoint, type MapLink, type MapNode } from './map-contents.js';
import { networkLines } from './network-lines.js';
import { ServicesTable } from './services-table.js';

const WIDE = 720;
const CHART = 110;
/** Endpoints drawn around a node. */
const MAX_DOTS = 27;
/** Nodes that have room for two lines and for their endpoints; labels of more are turned outwards. */
const FEW_NODES = 16;
const MANY_LINKS = 60;
const NO_MARKS: readonly { readonly seconds: number; readonly text: string }[] = [];

export function MapView(props: ViewProps) {
  const { index, reports, isReading, selection, names, state, go } = props;
  const colours = useNetworkColours(index);
  const contents = useMemo(
    () => (selection === undefined ? undefined : mapContents(index, selection, reports?.survey, names)),
    [selection, reports, names],
  );
  const lines = useMemo(
    () => (selection === undefined ? [] : networkLines(index, selection, colours)),
    [selection, colours],
  );
  if (contents === undefined || selection === undefined) return <p class="empty">The filter is running.</p>;
  if (contents.nodes.length === 0) {
    return (
      <p class="empty">
        No traffic between nodes is selected. Clear the filter, or open a capture of the interface between the nodes.
      </p>
    );
  }
  const pick = (term: string, add: boolean): void => go({ filter: add ? withTerm(state.filter, term) : term });
  return (
    <section aria-labelledby="map-title">
      <MapPicture contents={contents} colours={colours} pick={pick} />
      <h3>Time</h3>
      <RateChart
        series={selection.series}
        lines={lines}
        height={CHART}
        marks={NO_MARKS}
        label="Throughput by network; the view Timeline has it in words. Drag to select a time range"
        onRange={(from, to) => go({ from, to })}
      />
      {reports !== undefined && names !== undefined && (
        <ServicesTable survey={reports.survey} endpoints={contents.endpoints} names={names} pick={pick} />
      )}
      {reports === undefined ? (
        <p class="empty">{awaitedText('Endpoints', isReading)}</p>
      ) : (
        <Endpoints contents={contents} colours={colours} pick={pick} />
      )}
    </section>
  );
}

type Pick = (term: string, add: boolean) => void;

interface PictureProps {
  readonly contents: MapContents;
  readonly colours: NetworkIndex;
  readonly pick: Pick;
}

function MapPicture({ contents, colours, pick }: PictureProps) {
  const picture = useRef<SVGSVGElement>(null);
  const [host, width] = useWidth();
  const { nodes, links, moreNodes, moreLinks, others } = contents;
  const isWide = width >= WIDE;
  const isMany = nodes.length > FEW_NODES;
  const tall = isWide ? 0.62 : isMany ? 1.4 : 1.1;
  // As far as the window has room for all of it.
  const tallest = Math.max(380, Math.min(760, window.innerHeight - 250));
  const height = Math.round(nodes.length <= 2 ? 200 : Math.min(tallest, Math.max(360, tall * width)));
  // Two nodes are as far apart as labels need, not as wide as the window.
  const marginX = nodes.length <= 2 ? Math.max(74, width / 2 - 240) : isWide ? 210 : isMany ? 112 : 74;
  const frame: MapFrame = {
    width,
    height,
    marginX,
    marginY: nodes.length <= 2 ? 90 : isMany ? 140 : 84,
  };
  const places = useMemo(() => placeNodes(nodes.length, frame), [nodes.length, width, height]);
  const heaviest = Math.max(1, ...nodes.map(({ bytes }) => bytes));
  const busiest = Math.max(1, ...links.map(({ bytes }) => bytes));
  const [thinnest, thickest] = links.length > MANY_LINKS ? [0.5, 2] : [1.2, 5];
  const vnis = [...new Set(links.flatMap((link) => link.vnis))].sort((a, b) => a - b).map((vni) => ({ vni }));
  const [shown, more] = ownColours(vnis, colours);
  return (
    <figure class="picture">
      <div class="heading">
        <h2 id="map-title">
          Map <span class="faint">{counted(nodes.length + moreNodes, 'node')}</span>
        </h2>
        <SavePicture name="map" picture={picture} />
      </div>
      <figcaption class="legend">
        {shown.map(({ vni }) => (
          <span key={vni}>
            <Swatch colours={colours} vni={vni} /> VNI {vni}
          </span>
        ))}
        {more > 0 && <span>{counted(more, 'more network')}</span>}
        <span>
          <span class="stroke encrypted" aria-hidden="true" /> encrypted
        </span>
        <span>
          <span class="stroke" aria-hidden="true" /> clear
        </span>
      </figcaption>
      <div ref={host}>
        <svg ref={picture} width={width} height={height} role="group" aria-label={mapText(contents)}>
          {links.map((link) => (
            <Link
              key={`${link.a} ${link.b}`}
              link={link}
              nodes={nodes}
              path={curveBetween(places[link.a], places[link.b], frame)}
              width={thinnest + thickest * Math.sqrt(link.bytes / busiest)}
              colours={colours}
              pick={pick}
            />
          ))}
          {nodes.map((node, i) => (
            <Node
              key={node.address}
              node={node}
              place={places[i]}
              radius={
                (isMany ? (isWide ? 4 : 2) : 7) + (isMany ? (isWide ? 9 : 5) : 15) * Math.sqrt(node.bytes / heaviest)
              }
              isWide={isWide}
              few={!isMany}
              colours={colours}
              pick={pick}
            />
          ))}
        </svg>
      </div>
      {moreNodes + moreLinks > 0 && (
        <p class="faint">
          and {counted(moreNodes, 'node')} and {counted(moreLinks, 'link')} more, with less traffic
        </p>
      )}
      {others > 0 && <p class="faint">{counted(others, 'host')} without a tunnel not drawn</p>}
    </figure>
  );
}

function mapText({ nodes, links }: MapContents): string {
  const busiest = links
    .slice(0, 8)
    .map(({ a, b, bytes }) => `${nodes[a].address} and ${nodes[b].address} ${byteText(bytes)}`);
  return `Map of ${counted(nodes.length, 'node')}. Traffic between ${busiest.join('; ')}`;
}

/** What makes an element of the picture a button. */
function buttonOf(label: string, pick: (add: boolean) => void) {
  return {
    role: 'button' as const,
    // Preact sets attributes of SVG as they are written, and `tabIndex` is none.
    tabindex: 0,
    'aria-label': label,
    onClick: ({ shiftKey, ctrlKey }: MouseEvent) => pick(shiftKey || ctrlKey),
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      pick(event.shiftKey);
    },
  };
}

interface LinkProps {
  readonly link: MapLink;
  readonly nodes: readonly MapNode[];
  readonly path: string;
  readonly width: number;
  readonly colours: NetworkIndex;
  readonly pick: Pick;
}

function Link({ link, nodes, path, width, colours, pick }: LinkProps) {
  const [a, b] = [nodes[link.a].address, nodes[link.b].address];
  const networks = link.vnis.length === 0 ? '' : `, VNI ${link.vnis.slice(0, 8).join(', ')}`;
  const text = `${a} and ${b}: ${counted(link.packets, 'packet')}, ${byteText(link.bytes)}${networks}${link.isEncrypted === true ? ', encrypted' : ''}`;
  const colour = link.vnis.length === 1 ? colours.get(link.vnis[0]) : undefined;
  const term = a === b ? nodeTerm(a) : `${nodeTerm(a)} and ${nodeTerm(b)}`;
  return (
    <g class="link" {...buttonOf(text, (add) => pick(term, add))}>
      <title>{text}</title>
      <path d={path} class="target" />
      <path
        d={path}
        class={`edge edge${colour ?? ''}`}
        stroke-width={width}
        {...(link.isEncrypted === false ? { 'stroke-dasharray': '6 4' } : {})}
      />
    </g>
  );
}

interface NodeProps {
  readonly node: MapNode;
  readonly place: Placed;
  readonly radius: number;
  readonly isWide: boolean;
  /** Whether there is room for two lines at each node. */
  readonly few: boolean;
  readonly colours: NetworkIndex;
  readonly pick: Pick;
}

function Node({ node, place, radius, isWide, few, colours, pick }: NodeProps) {
  const { address, name, bytes, endpoints } = node;
  const { x, y, cos, sin } = place;
  const shown = endpoints.slice(0, few ? MAX_DOTS : 0);
  const dots = placeAround(place, shown.length, radius, 10);
  const rings = Math.ceil(shown.length / 9);
  const away = radius + 10 * rings + 12;
  const isBeside = isWide && Math.abs(cos) > 0.3;
  const anchor = isBeside ? (cos > 0 ? 'start' : 'end') : 'middle';
  const labelX = isBeside ? x + Math.sign(cos) * away : x;
  const above = away + (endpoints.length > 0 ? 15 : 0);
  const labelY = isBeside ? y + 4 + sin * 10 * rings : y + (sin < 0 ? -above : away + 8);
  // Degrees, so that the text is never upside down.
  const turn = few ? 0 : (180 / Math.PI) * Math.atan(sin / (cos === 0 ? 1e-6 : cos));
  const far = radius + 6;
  const label = few
    ? { x: labelX, y: labelY, 'text-anchor': anchor }
    : {
        x: x + far * cos,
        y: y + far * sin + 4,
        'text-anchor': cos >= 0 ? 'start' : 'end',
        transform: `rotate(${turn.toFixed(1)} ${(x + far * cos).toFixed(1)} ${(y + far * sin).toFixed(1)})`,
      };
  const second = `${name === '' ? '' : `${address} · `}${counted(endpoints.length, 'endpoint')}`;
  const first = name === '' ? address : name;
  // What is written beside the node comes first: speech recognition goes by it.
  const text = `${endpoints.length > 0 || name !== '' ? `${first} ${second}` : first}: ${byteText(bytes)}`;
  return (
    <g>
      <g class="node" {...buttonOf(text, (add) => pick(nodeTerm(address), add))}>
        <title>{text}</title>
        <circle cx={x} cy={y} r={radius} />
        <text {...label} class="name">
          {first}
        </text>
      </g>
      {few && endpoints.length > 0 && (
        <text x={labelX} y={labelY + 15} text-anchor={anchor} class="faint" aria-hidden="true">
          {second}
        </text>
      )}
      {shown.map((endpoint, i) => (
        <circle
          key={`${endpoint.vni} ${endpoint.mac} ${endpoint.ip}`}
          class={`endpoint fill${colours.get(endpoint.vni) ?? ''}`}
          cx={dots[i].x}
          cy={dots[i].y}
          r={endpoint.bytes > 0 ? 4.5 : 2.5}
          onClick={({ shiftKey, ctrlKey }) => pick(termOf(endpoint), shiftKey || ctrlKey)}
        >
          <title>{endpointText(endpoint)}</title>
        </circle>
      ))}
    </g>
  );
}

function termOf({ vni, ip }: MapEndpoint): string {
  return ip === '' ? vniTerm(vni) : `${vniTerm(vni)} and inner.addr == ${ip}`;
}

function endpointText({ vni, mac, ip, name, bytes }: MapEndpoint): string {
  return `${name === '' ? '' : `${name}, `}${ip === '' ? mac : ip}, VNI ${vni}: ${byteText(bytes)}`;
}

function columnsOf(colours: NetworkIndex): readonly Column<MapEndpoint>[] {
  return [
    { title: 'Endpoint', value: ({ name, ip, mac }) => (name === '' ? ip || mac : name) },
    { title: 'Address', value: ({ ip }) => ip },
    { title: 'MAC', value: ({ mac }) => mac, cell: ({ mac }) => <code>{mac}</code> },
    {
      title: 'VNI',
      value: ({ vni }) => vni,
      cell: ({ vni }) => (
        <>
          <Swatch colours={colours} vni={vni} /> {vni}
        </>
      ),
    },
    { title: 'Node', value: ({ node }) => node },
    { title: 'Bytes', value: ({ bytes }) => bytes, cell: ({ bytes }) => byteText(bytes), numeric: true },
  ];
}

function Endpoints({ contents, colours, pick }: PictureProps) {
  const { endpoints } = contents;
  const columns = useMemo(() => columnsOf(colours), [colours]);
  if (endpoints.length === 0) {
    return <p class="empty">No endpoints: no frame could be read. ESP shows them once its keys are given.</p>;
  }
  return (
    <>
      <div class="heading">
        <h3>Endpoints</h3>
        <SaveTable
          name="endpoints"
          columns={[
            { name: 'name', value: ({ name }: MapEndpoint) => name },
            { name: 'ip', value: ({ ip }) => ip },
            { name: 'mac', value: ({ mac }) => mac },
            { name: 'vni', value: ({ vni }) => vni },
            { name: 'node', value: ({ node }) => node },
            { name: 'bytes', value: ({ bytes }) => bytes },
          ]}
          rows={() => endpoints}
        />
      </div>
      <DataTable
        caption="Endpoints"
        columns={columns}
        rows={endpoints}
        keyOf={({ vni, mac, ip }) => `${vni} ${mac} ${ip}`}
        sortedBy={5}
        onPick={(endpoint, add) => pick(termOf(endpoint), add)}
      />
    </>
  );
}
