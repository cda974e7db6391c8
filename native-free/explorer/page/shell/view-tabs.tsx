/** The tabs of the views. */
import { useEffect, useRef } from 'preact/hooks';
import { type ExplorerState, VIEWS, type ViewName } from '../state/explorer-state.js';

/** What the views are called. */
export const VIEW_TITLES: Readonly<Record<ViewName, string>> = {
  overview: 'Overview',
  map: 'Map',
  timeline: 'Timeline',
  flows: 'Flows',
  packets: 'Packets',
  keys: 'Keys',
  gossip: 'Gossip',
};

interface ViewTabsProps {
  readonly current: ViewName;
  readonly go: (changes: Partial<ExplorerState>) => void;
}

export function ViewTabs({ current, go }: ViewTabsProps) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // In a narrow window the tabs scroll sideways.
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [current]);
  const move = (event: KeyboardEvent): void => {
    const index = VIEWS.indexOf(current);
    const next = nextIndex(event.key, index);
    if (next === undefined) return;
    event.preventDefault();
    go({ view: VIEWS[next] });
    const tabs = list.current?.querySelectorAll<HTMLElement>('[role=tab]');
    tabs?.[next]?.focus();
  };
  return (
    <nav aria-label="Views">
      <div class="tabs" role="tablist" aria-label="Views" ref={list} onKeyDown={move}>
        {VIEWS.map((view, i) => (
          <button
            key={view}
            role="tab"
            id={`tab-${view}`}
            aria-selected={view === current}
            aria-controls={view === current ? `panel-${view}` : undefined}
            aria-keyshortcuts={String(i + 1)}
            tabIndex={view === current ? 0 : -1}
            onClick={() => go({ view })}
          >
            {VIEW_TITLES[view]}
          </button>
        ))}
      </div>
    </nav>
  );
}

function nextIndex(key: string, index: number): number | undefined {
  const count = VIEWS.length;
  switch (key) {
    case 'ArrowRight':
      return (index + 1) % count;
    case 'ArrowLeft':
      return (index + count - 1) % count;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return undefined;
  }
}
