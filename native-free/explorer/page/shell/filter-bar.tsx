/** The filter, the time range, and how much they select. */
import type { RefObject } from 'preact';
import { useEffect, useId, useMemo, useState } from 'preact/hooks';
import { byteText } from '../../../../src/text/quantity.js';
import { type Completions, completions, type FilterError, MAX_FILTER, type Selection } from '../../filter/index.js';
import type { CaptureIndex } from '../../index/capture-index.js';
import { compiledFilter } from '../state/compiled-filter.js';
import type { ExplorerState } from '../state/explorer-state.js';

const NONE: Completions = { from: 0, to: 0, list: [] };

interface FilterBarProps {
  readonly box: RefObject<HTMLInputElement | null>;
  readonly index: CaptureIndex;
  readonly selection: Selection | undefined;
  /** What is wrong with the filter of the address. */
  readonly problem: FilterError | undefined;
  readonly state: ExplorerState;
  readonly go: (changes: Partial<ExplorerState>) => void;
}

export function FilterBar({ box, index, selection, problem, state, go }: FilterBarProps) {
  const id = useId();
  const [text, setText] = useState(state.filter);
  const [cursor, setCursor] = useState<number>();
  const [active, setActive] = useState(-1);
  const [refused, setRefused] = useState<FilterError>();
  useEffect(() => {
    setText(state.filter);
    setRefused(undefined);
  }, [state.filter]);

  const { from, to, list } = useMemo(
    () => (cursor === undefined ? NONE : completions(text, cursor, index.tables)),
    [text, cursor, index.tables],
  );
  const shownProblem = text === state.filter ? (refused ?? problem) : refused;

  const close = (): void => {
    setCursor(undefined);
    setActive(-1);
  };
  const apply = (filter: string): void => {
    close();
    const compiled = compiledFilter(filter, index.tables);
    if (compiled.kind === 'wrong') {
      setRefused(compiled.error);
      return;
    }
    setRefused(undefined);
    setText(filter);
    go({ filter: filter.trim() });
  };
  const complete = (completion: string): void => {
    const rest = text.slice(to);
    const added = rest.startsWith(' ') ? completion : `${completion} `;
    const at = from + added.length;
    const input = box.current;
    if (input !== null) {
      // At once, so that the next letter comes after it.
      input.value = text.slice(0, from) + added + rest;
      input.focus();
      input.setSelectionRange(at, at);
    }
    setText(text.slice(0, from) + added + rest);
    setActive(-1);
    setCursor(at);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const { key } = event;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      if (list.length === 0) setCursor(box.current?.selectionStart ?? text.length);
      else setActive((active + (key === 'ArrowDown' ? 1 : list.length + (active < 0 ? 0 : -1))) % list.length);
    } else if (key === 'Enter') {
      if (active >= 0 && active < list.length) complete(list[active].text);
      else apply(text);
    } else if (key === 'Tab' && active >= 0 && active < list.length) {
      complete(list[active].text);
    } else if (key === 'Escape') {
      if (list.length > 0) close();
      else setText(state.filter);
    } else {
      return;
    }
    event.preventDefault();
  };

  const isOpen = list.length > 0;
  return (
    <div class="filter-bar">
      <form
        role="search"
        class="filter"
        onSubmit={(event) => {
          event.preventDefault();
          apply(text);
        }}
      >
        <label for={id} class="hidden">
          Filter
        </label>
        <div class="filter-field">
          <input
            ref={box}
            id={id}
            type="text"
            class={shownProblem === undefined ? '' : 'wrong'}
            role="combobox"
            aria-expanded={isOpen}
            aria-controls={isOpen ? `${id}-list` : undefined}
            aria-autocomplete="list"
            aria-activedescendant={active >= 0 && isOpen ? `${id}-${active}` : undefined}
            aria-invalid={shownProblem !== undefined}
            aria-describedby={shownProblem === undefined ? undefined : `${id}-problem`}
            aria-keyshortcuts="/"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            maxLength={MAX_FILTER}
            placeholder="Filter, e.g. vni == 4097 and tcp.flags.syn"
            value={text}
            onInput={(event) => {
              setText(event.currentTarget.value);
              setCursor(event.currentTarget.selectionStart ?? undefined);
              setActive(-1);
              setRefused(undefined);
            }}
            onKeyDown={onKeyDown}
            onBlur={close}
          />
          {isOpen && (
            <ul id={`${id}-list`} role="listbox" aria-label="Completions" class="completions">
              {list.map((completion, i) => (
                <li
                  key={completion.text}
                  id={`${id}-${i}`}
                  role="option"
                  aria-selected={i === active}
                  onMouseDown={(event) => {
                    event.preventDefault();
                    complete(completion.text);
                  }}
                >
                  <code>{completion.text}</code>
                  <span class="faint">{completion.what}</span>
                </li>
              ))}
            </ul>
          )}
        </div>
        <button>Apply</button>
        {state.filter !== '' && (
          <button type="button" onClick={() => go({ filter: '' })}>
            Clear
          </button>
        )}
      </form>
      {(state.from !== undefined || state.to !== undefined) && (
        <span class="chip">
          {rangeText(state)}
          <button aria-label="All times" onClick={() => go({ from: undefined, to: undefined })}>
            ✕
          </button>
        </span>
      )}
      <p class="selected" role="status">
        {selectedText(index, selection, state, problem !== undefined)}
      </p>
      {shownProblem !== undefined && (
        <p id={`${id}-problem`} class="filter-problem" role="alert">
          {shownProblem.message}
        </p>
      )}
    </div>
  );
}

function rangeText({ from, to }: ExplorerState): string {
  const text = (seconds: number): string => `${Number(seconds.toFixed(3))} s`;
  if (from === undefined) return `up to ${text(to ?? 0)}`;
  return to === undefined ? `from ${text(from)}` : `${text(from)} to ${text(to)}`;
}

function selectedText(
  { packets }: CaptureIndex,
  selection: Selection | undefined,
  { filter, from, to }: ExplorerState,
  isWrong: boolean,
): string {
  if (isWrong) return '';
  if (selection === undefined) return 'Selecting…';
  if (filter === '' && from === undefined && to === undefined) return '';
  const { count, totals } = selection;
  return `${count.toLocaleString('en')} of ${packets.toLocaleString('en')} packets, ${byteText(totals.bytes)}`;
}
