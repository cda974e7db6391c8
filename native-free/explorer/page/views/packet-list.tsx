/** The list of packets: only the rows in view exist. */
import { Component, type RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Verdict } from '../../../../src/dataplane/index.js';
import type { NetworkIndex } from '../../../../src/picture/internal.js';
import type { Selection } from '../../filter/selection.js';
import type { CaptureIndex } from '../../index/capture-index.js';
import { Swatch, useNetworkColours } from '../parts/network-swatch.js';
import type { PacketDetails } from '../state/packet-details.js';
import { packetRow } from '../state/packet-row.js';
import { ScrollPosition } from '../state/scroll-position.js';
import { usePacketInfo } from './packet-info.js';

/** Rows beyond both edges of the window, so that scrolling by less than that shows no gap. */
const OVERSCAN = 6;
const ROW_HEIGHT = 24;
/** In a narrow window, a row has two lines. */
const NARROW_ROW_HEIGHT = 46;
const NARROW = '(max-width: 760px)';

const COLUMNS = [
  ['number', 'No.'],
  ['time', 'Time'],
  ['outer', 'Outer'],
  ['vni', 'VNI'],
  ['inner', 'Inner'],
  ['protocol', 'Protocol'],
  ['length', 'Bytes'],
  ['info', 'Info'],
] as const;

interface PacketListProps {
  readonly focusRef: RefObject<HTMLDivElement | null>;
  readonly index: CaptureIndex;
  readonly selection: Selection | undefined;
  readonly details: PacketDetails;
  /** Row that the keys move; undefined while a filter runs. */
  readonly cursor: number | undefined;
  /** Number of the open packet, from 1. */
  readonly open: number | undefined;
  /** Called with numbers of packets from 0. */
  readonly onMove: (packet: number) => void;
  readonly onOpen: (packet: number) => void;
  readonly onClose: () => void;
}

export function PacketList(props: PacketListProps) {
  const { focusRef, index, selection, details, open, onMove, onOpen, onClose } = props;
  const colours = useNetworkColours(index);
  const position = useMemo(() => new ScrollPosition(), []);
  const scroller = focusRef;
  const head = useRef<HTMLDivElement>(null);
  const [, setVersion] = useState(0);
  const redraw = (): void => setVersion((version) => version + 1);
  const isNarrow = useMedia(NARROW);
  const rowHeight = isNarrow ? NARROW_ROW_HEIGHT : ROW_HEIGHT;
  // While a filter runs, the rows so far stay.
  const last = useRef(selection);
  if (selection !== undefined) last.current = selection;
  const shown = isOf(last.current, index) ? last.current : undefined;
  const count = shown?.count ?? 0;
  const lastCursor = useRef(0);
  if (props.cursor !== undefined) lastCursor.current = props.cursor;
  const cursor = lastCursor.current;

  const measure = (): void => {
    const element = scroller.current;
    if (element === null) return;
    const height = element.clientHeight - (head.current?.offsetHeight ?? 0);
    if (position.resize(count, rowHeight, height)) redraw();
  };
  useLayoutEffect(measure, [count, rowHeight]);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [count, rowHeight]);
  // After the element has its new height.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element !== null && Math.abs(element.scrollTop - position.scrollTop) > 1)
      element.scrollTop = position.scrollTop;
  });
  useLayoutEffect(() => {
    if (count === 0) return;
    position.reveal(Math.min(cursor, count - 1));
    redraw();
  }, [cursor]);
  useEffect(() => {
    if (document.activeElement === document.body) scroller.current?.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    const element = scroller.current;
    // One pixel of a scaled list is many rows, so the wheel moves it by its own pixels.
    const onWheel = (event: WheelEvent): void => {
      if (!position.isScaled || event.ctrlKey || event.deltaY === 0) return;
      event.preventDefault();
      position.moveTo(position.top + event.deltaY * (event.deltaMode === 1 ? ROW_HEIGHT : 1));
      redraw();
    };
    element?.addEventListener('wheel', onWheel, { passive: false });
    return () => element?.removeEventListener('wheel', onWheel);
  }, []);

  const move = (row: number): void => {
    if (shown === undefined || count === 0) return;
    const to = Math.max(0, Math.min(count - 1, row));
    position.reveal(to);
    onMove(shown.rows[to]);
    redraw();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(1, position.end - position.first - 2);
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: cursor + 1,
      ArrowUp: cursor - 1,
      PageDown: cursor + page,
      PageUp: cursor - page,
      Home: 0,
      End: count - 1,
    };
    if (Object.hasOwn(moves, event.key)) move(moves[event.key]);
    else if (event.key === 'Enter' && shown !== undefined && cursor < count) onOpen(shown.rows[cursor]);
    else if (event.key === 'Escape') onClose();
    else return;
    event.preventDefault();
  };

  const from = Math.max(0, position.first - OVERSCAN);
  const to = Math.min(count, position.end + OVERSCAN);
  const packets = useMemo(() => shown?.rows.subarray(from, to) ?? new Uint32Array(0), [shown, from, to]);
  const infos = usePacketInfo(details, packets);
  // Rows keep their elements while they are in view, and further ones take those of rows that have left it.
  const slots = Math.max(1, to - from);
  const rows = Array.from(packets, (packet, i) => {
    const row = from + i;
    return (
      <Row
        key={row % slots}
        index={index}
        row={row}
        packet={packet}
        top={row * rowHeight - position.top + position.scrollTop}
        isCurrent={row === cursor}
        isOpen={packet + 1 === open}
        info={infos.get(packet) ?? ''}
        colours={colours}
      />
    );
  });
  return (
    <div
      ref={scroller}
      class="packet-list"
      role="grid"
      aria-busy={selection === undefined}
      tabIndex={0}
      aria-label="Packets"
      aria-rowcount={count + 1}
      aria-colcount={COLUMNS.length}
      aria-activedescendant={cursor >= from && cursor < to ? `packet-row-${cursor}` : undefined}
      onKeyDown={onKeyDown}
      onScroll={({ currentTarget }) => {
        position.scrolled(currentTarget.scrollTop);
        redraw();
      }}
    >
      <div ref={head} role="row" aria-rowindex={1} class="packet-head">
        {COLUMNS.map(([name, title]) => (
          <span key={name} role="columnheader" class={`cell ${name}`}>
            {title}
          </span>
        ))}
      </div>
      <div
        class="packet-rows"
        role="rowgroup"
        style={{ height: `${position.height}px` }}
        onClick={({ target }) => {
          const row = target instanceof Element ? target.closest<HTMLElement>('[data-packet]') : null;
          if (row !== null) onOpen(Number(row.dataset['packet']));
        }}
      >
        {rows}
      </div>
    </div>
  );
}

interface RowProps {
  readonly index: CaptureIndex;
  readonly row: number;
  readonly packet: number;
  readonly top: number;
  readonly isCurrent: boolean;
  readonly isOpen: boolean;
  readonly info: string;
  readonly colours: NetworkIndex;
}

const VERDICT_CLASSES: Readonly<Record<Verdict, string>> = {
  [Verdict.Frame]: '',
  [Verdict.Held]: 'held',
  [Verdict.Esp]: 'sealed',
  [Verdict.Other]: 'other',
  [Verdict.Dropped]: 'dropped',
  [Verdict.Filtered]: 'other',
};

function rowElement({ index, row, packet, top, isCurrent, isOpen, info, colours }: RowProps) {
  const shown = packetRow(index, packet);
  const { number, time, network, vni, outerSource, outerDestination, innerSource, innerDestination } = shown;
  const classes = [
    'packet-row',
    VERDICT_CLASSES[shown.verdict],
    innerSource === '' ? '' : 'has-inner',
    isCurrent ? 'current' : '',
    isOpen ? 'open' : '',
  ];
  const vniNumber = network === undefined ? undefined : index.tables.networks[network];
  return (
    <div
      id={`packet-row-${row}`}
      role="row"
      aria-rowindex={row + 2}
      aria-selected={isOpen}
      class={classes.join(' ')}
      style={{ transform: `translateY(${top}px)` }}
      data-packet={packet}
    >
      <span role="gridcell" class="cell number">
        {number}
      </span>
      <span role="gridcell" class="cell time">
        {time}
      </span>
      <span role="gridcell" class="cell outer">
        {outerSource !== '' && `${outerSource} → ${outerDestination}`}
      </span>
      <span role="gridcell" class="cell vni">
        {vniNumber !== undefined && <Swatch colours={colours} vni={vniNumber} />} {vni}
      </span>
      <span role="gridcell" class="cell inner">
        {innerSource !== '' && `${innerSource} → ${innerDestination}`}
      </span>
      <span role="gridcell" class="cell protocol">
        {shown.protocol}
      </span>
      <span role="gridcell" class="cell length">
        {shown.length}
      </span>
      <span role="gridcell" class="cell info">
        {shown.reason !== '' && (
          <b class="drop-reason" title={shown.reasonText}>
            {shown.reason}{' '}
          </b>
        )}
        {shown.special.filter(isFault).map((text) => (
          <b key={text} class="drop-reason">
            {text}{' '}
          </b>
        ))}
        {info === '' ? [shown.esp, shown.flags].filter((text) => text !== '').join(' ') : info}
      </span>
    </div>
  );
}

/** Whether something special is a fault, to be shown beside what the packet does. */
function isFault(special: string): boolean {
  return special === 'bad checksum' || special === 'truncated';
}

/** A row, which is drawn again only if something in it has changed. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return (Object.keys(next) as (keyof RowProps)[]).some((name) => next[name] !== this.props[name]);
  }

  override render() {
    return rowElement(this.props);
  }
}

/** Whether an index has all packets of a selection: files may have been closed, and others opened. */
function isOf(selection: Selection | undefined, { packets }: CaptureIndex): boolean {
  return selection !== undefined && (selection.count === 0 || selection.rows[selection.count - 1] < packets);
}

/** Whether the window matches a media query. */
function useMedia(query: string): boolean {
  const list = useMemo(() => matchMedia(query), [query]);
  const [matches, setMatches] = useState(list.matches);
  useEffect(() => {
    const onChange = (): void => setMatches(list.matches);
    list.addEventListener('change', onChange);
    return () => list.removeEventListener('change', onChange);
  }, [list]);
  return matches;
}
