/** The page: what is open, what of it is shown, and the views. */
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { sampleFiles, servedFiles } from './inputs/embedded-files.js';
import { isTypedIn, useDropAndPaste } from './inputs/drop-and-paste.js';
import { type NamedBlob, type SortedFiles, sortFiles } from './inputs/sort-files.js';
import { FilterBar } from './shell/filter-bar.js';
import { Header } from './shell/header.js';
import { HelpDialog } from './shell/help-dialog.js';
import { OpenDialog } from './shell/open-dialog.js';
import { Problems } from './shell/problems.js';
import { ViewTabs } from './shell/view-tabs.js';
import { Welcome } from './shell/welcome.js';
import { VIEWS } from './state/explorer-state.js';
import type { WorkerStarter } from './state/index-run.js';
import { Navigation } from './state/navigation.js';
import { keysOf, PacketDetails } from './state/packet-details.js';
import { Selecting } from './state/selecting.js';
import { Session } from './state/session.js';
import { FlowsView } from './views/flows-view.js';
import { GossipView } from './views/gossip-view.js';
import { KeysView } from './views/keys-view.js';
import { MapView } from './views/map-view.js';
import { OverviewView } from './views/overview-view.js';
import { PacketsView } from './views/packets-view.js';
import { TimelineView } from './views/timeline-view.js';
import type { ViewProps } from './view-props.js';

/** What is open over the page. */
type Dialog = 'help' | 'open' | undefined;

/** Calls a function at most once per frame. */
function usePerFrame(render: () => void): () => void {
  const frame = useRef(0);
  return () => {
    if (frame.current !== 0) return;
    frame.current = requestAnimationFrame(() => {
      frame.current = 0;
      render();
    });
  };
}

export function Explorer({ starter }: { starter: WorkerStarter }) {
  const [, setVersion] = useState(0);
  const [dialog, setDialog] = useState<Dialog>();
  const [opening, setOpening] = useState(false);
  const refresh = usePerFrame(() => setVersion((version) => version + 1));
  const session = useMemo(() => new Session(starter, refresh), []);
  const selecting = useMemo(() => new Selecting(refresh), []);
  const navigation = useMemo(() => new Navigation(refresh), []);
  const filterBox = useRef<HTMLInputElement>(null);

  const take = (files: Promise<SortedFiles>): void => {
    setOpening(true);
    void files
      .then(({ captures, texts, problems }) => session.add(captures, texts, problems))
      .finally(() => setOpening(false));
  };
  const open = (files: readonly NamedBlob[]): void => {
    if (files.length > 0) take(sortFiles(files));
  };
  const isOver = useDropAndPaste(open);
  useEffect(() => take(servedFiles()), []);

  const view = session.view;
  const { state } = navigation;
  // Before anything is drawn: a selection of another index has packets that this one lacks.
  selecting.update(view.index, state);
  useEffect(() => {
    document.title = view.captures.length === 0 ? 'vtep explorer' : `${nameOf(view.captures)} – vtep explorer`;
  }, [view.captures]);
  // Packets are decoded with the keys of the index that is shown.
  const keys = useMemo(() => keysOf(view.texts), [view.texts]);
  const details = useMemo(() => new PacketDetails(view.captures, keys, view.index), [view.captures, keys, view.index]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTypedIn(event.target)) return;
      if (event.key === '?') setDialog('help');
      else if (event.key === '/') filterBox.current?.focus();
      else if (event.key === 'o') setDialog('open');
      else if (event.key >= '1' && event.key <= String(VIEWS.length))
        navigation.go({ view: VIEWS[Number(event.key) - 1] });
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);

  const isEmpty = view.captures.length === 0;
  const props: ViewProps = {
    index: view.index,
    reports: view.reports,
    isReading: view.reading !== undefined || view.rereading !== undefined,
    selection: selecting.selection,
    names: view.names,
    state,
    go: navigation.go,
  };
  return (
    <>
      <a class="skip" href="#explorer-view" onClick={focusView}>
        Skip to the view
      </a>
      <Header
        view={view}
        opening={opening}
        onOpen={() => setDialog('open')}
        onHelp={() => setDialog('help')}
        onStop={() => session.stop()}
        onReadAgain={() => session.readAgain()}
        onRemove={(name) => session.remove(name)}
        onClose={() => {
          session.clear();
          navigation.go({ filter: '', from: undefined, to: undefined, packet: undefined });
        }}
      />
      {!isEmpty && (
        <>
          <ViewTabs current={state.view} go={navigation.go} />
          <FilterBar
            box={filterBox}
            index={view.index}
            selection={selecting.isCurrent ? selecting.selection : undefined}
            problem={selecting.problem}
            state={state}
            go={navigation.go}
          />
        </>
      )}
      <Problems problems={view.problems} onDismiss={() => session.dismissProblems()} />
      <main
        id="explorer-view"
        tabIndex={-1}
        class={isEmpty ? 'welcome' : `view view-${state.view}`}
        aria-busy={opening || props.isReading || !selecting.isSettled}
      >
        {isEmpty ? (
          <Welcome texts={view.texts} onFiles={open} onSample={() => take(sampleFiles())} />
        ) : (
          <Panel name={state.view}>
            {selecting.problem !== undefined && selecting.selection === undefined ? (
              <p class="empty">
                The filter is wrong, so nothing is selected.{' '}
                <button onClick={() => navigation.go({ filter: '' })}>Show all packets</button>
              </p>
            ) : (
              viewOf(props, details, navigation)
            )}
          </Panel>
        )}
      </main>
      {isOver && (
        <div class="drop" aria-hidden="true">
          <p>Drop captures, keys and dumps here</p>
        </div>
      )}
      {dialog === 'help' && <HelpDialog onClose={() => setDialog(undefined)} />}
      {dialog === 'open' && (
        <OpenDialog
          onClose={() => setDialog(undefined)}
          onFiles={(files) => {
            setDialog(undefined);
            open(files);
          }}
        />
      )}
    </>
  );
}

function Panel({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div role="tabpanel" id={`panel-${name}`} aria-labelledby={`tab-${name}`} class="panel">
      {children}
    </div>
  );
}

function viewOf(props: ViewProps, details: PacketDetails, navigation: Navigation) {
  switch (props.state.view) {
    case 'map':
      return <MapView {...props} />;
    case 'timeline':
      return <TimelineView {...props} />;
    case 'flows':
      return <FlowsView {...props} />;
    case 'keys':
      return <KeysView {...props} />;
    case 'gossip':
      return <GossipView {...props} />;
    case 'packets':
      return <PacketsView {...props} details={details} replace={navigation.replace} />;
    default:
      return <OverviewView {...props} />;
  }
}

function nameOf(captures: readonly { readonly name: string }[]): string {
  const [first] = captures;
  return captures.length === 1 ? first.name : `${first.name} and ${captures.length - 1} more`;
}

function focusView(event: Event): void {
  event.preventDefault();
  document.getElementById('explorer-view')?.focus();
}
