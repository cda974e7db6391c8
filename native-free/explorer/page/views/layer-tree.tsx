/** A packet's layers as a tree. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { PacketNode } from '../../detail/index.js';

interface LayerTreeProps {
  readonly nodes: readonly PacketNode[];
  readonly marked: PacketNode | undefined;
  readonly onMark: (node: PacketNode | undefined) => void;
}

/** Layers at the end of a packet that are open at first: what it carries. */
const OPEN_LAYERS = 2;

/** A row of the tree that is visible. */
interface TreeRow {
  readonly node: PacketNode;
  /** Of the labels from the root: the same for packets with the same layers. */
  readonly path: string;
  readonly level: number;
  readonly isOpen: boolean;
}

export function LayerTree({ nodes, marked, onMark }: LayerTreeProps) {
  const tree = useRef<HTMLUListElement>(null);
  /** Layers that the user has opened or closed. */
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const rows = rowsOf(nodes, toggled);
  const current = Math.max(
    0,
    rows.findIndex(({ node }) => node === marked),
  );
  useEffect(() => {
    if (marked === undefined) return;
    const closed = (wayTo(nodes, marked) ?? []).filter(
      ({ path, isOpenAtFirst }) => isOpenAtFirst === toggled.has(path),
    );
    if (closed.length > 0) {
      const next = new Set(toggled);
      for (const { path } of closed) if (!next.delete(path)) next.add(path);
      setToggled(next);
    }
    tree.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }, [marked]);

  const toggle = (path: string): void => {
    const next = new Set(toggled);
    if (!next.delete(path)) next.add(path);
    setToggled(next);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const { node, path, level, isOpen } = rows[current];
    const to = (row: number): void => onMark(rows[Math.max(0, Math.min(rows.length - 1, row))].node);
    switch (event.key) {
      case 'ArrowDown':
        to(marked === undefined ? 0 : current + 1);
        break;
      case 'ArrowUp':
        to(current - 1);
        break;
      case 'Home':
        to(0);
        break;
      case 'End':
        to(rows.length - 1);
        break;
      case 'ArrowRight':
        if (node.children.length > 0 && !isOpen) toggle(path);
        else if (node.children.length > 0) to(current + 1);
        break;
      case 'ArrowLeft':
        if (node.children.length > 0 && isOpen) toggle(path);
        else to(rows.slice(0, current).findLastIndex((row) => row.level < level));
        break;
      default:
        return;
    }
    event.preventDefault();
  };
  return (
    <ul
      ref={tree}
      class="tree"
      role="tree"
      tabIndex={0}
      aria-label="Layers"
      aria-activedescendant={marked === undefined ? undefined : `layer-${current}`}
      onKeyDown={onKeyDown}
    >
      {rows.map(({ node, path, level, isOpen }, i) => (
        <li
          key={path}
          id={`layer-${i}`}
          role="treeitem"
          aria-level={level}
          aria-expanded={node.children.length === 0 ? undefined : isOpen}
          aria-selected={node === marked}
          class={`level${Math.min(level, 6)} ${node.fault === true ? 'fault' : ''}`}
          onClick={() => onMark(node)}
        >
          <span
            class="twist"
            aria-hidden="true"
            onClick={() => {
              if (node.children.length > 0) toggle(path);
            }}
          >
            {node.children.length === 0 ? '' : isOpen ? '▾' : '▸'}
          </span>
          <span class="label">{node.label}</span> <span class="value">{node.value}</span>
        </li>
      ))}
    </ul>
  );
}

function rowsOf(nodes: readonly PacketNode[], toggled: ReadonlySet<string>, level = 1, before = ''): TreeRow[] {
  return nodes.flatMap((node, i) => {
    const path = pathOf(before, node, i);
    const isOpen = isOpenAtFirst(nodes, i, level) !== toggled.has(path);
    const row = { node, path, level, isOpen };
    return isOpen ? [row, ...rowsOf(node.children, toggled, level + 1, path)] : [row];
  });
}

function isOpenAtFirst(siblings: readonly PacketNode[], index: number, level: number): boolean {
  return level > 1 || index >= siblings.length - OPEN_LAYERS;
}

function pathOf(before: string, { label }: PacketNode, index: number): string {
  return `${before}/${index} ${label}`;
}

/** A node above another one. */
interface Ancestor {
  readonly path: string;
  readonly isOpenAtFirst: boolean;
}

/** The nodes above a node; undefined if it isn't among them. */
function wayTo(nodes: readonly PacketNode[], wanted: PacketNode, level = 1, before = ''): Ancestor[] | undefined {
  for (const [i, node] of nodes.entries()) {
    if (node === wanted) return [];
    const path = pathOf(before, node, i);
    const way = wayTo(node.children, wanted, level + 1, path);
    if (way !== undefined) return [{ path, isOpenAtFirst: isOpenAtFirst(nodes, i, level) }, ...way];
  }
  return undefined;
}

/** The smallest field with a byte; undefined without any. */
export function nodeAt(nodes: readonly PacketNode[], source: number, at: number): PacketNode | undefined {
  let best: PacketNode | undefined;
  for (const node of nodes) {
    const inside = nodeAt(node.children, source, at);
    const own = node.buffer === source && at >= node.from && at < node.to ? node : undefined;
    const found = inside ?? own;
    if (found !== undefined && (best === undefined || found.to - found.from < best.to - best.from)) best = found;
  }
  return best;
}
