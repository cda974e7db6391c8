/** The head of the page: what is open, how far it is read, and what can be opened. */
import { byteText } from '../../../../src/text/quantity.js';
import { ThemeButton } from '../parts/theme-button.js';
import { RunState } from '../state/index-run.js';
import type { Progress, SessionView } from '../state/session.js';

/** Names of files that are listed. */
const MAX_NAMES = 8;

interface HeaderProps {
  readonly view: SessionView;
  /** Whether files are being looked at. */
  readonly opening: boolean;
  readonly onOpen: () => void;
  readonly onHelp: () => void;
  readonly onStop: () => void;
  readonly onReadAgain: () => void;
  /** Called with the name of a file. */
  readonly onRemove: (name: string) => void;
  readonly onClose: () => void;
}

export function Header({ view, opening, onOpen, onHelp, onStop, onReadAgain, onRemove, onClose }: HeaderProps) {
  const { captures, texts, reading, rereading, state } = view;
  const progress = rereading ?? reading;
  return (
    <header class="head">
      <h1>
        <span class="brand">vtep</span> <span class="brand-what">explorer</span>
      </h1>
      {captures.length + texts.length > 0 && (
        <p class="open-files">
          {[...captures, ...texts].slice(0, MAX_NAMES).map((file) => (
            <span key={file.name} class={`file ${'text' in file ? 'text' : ''}`}>
              {file.name}
              <button class="remove" aria-label={`Remove ${file.name}`} onClick={() => onRemove(file.name)}>
                ✕
              </button>
            </span>
          ))}
          {captures.length + texts.length > MAX_NAMES && (
            <span class="file">and {captures.length + texts.length - MAX_NAMES} more</span>
          )}
        </p>
      )}
      <div class="head-state">
        {progress !== undefined && (
          <ProgressBar progress={progress} what={workText(progress, rereading !== undefined)} />
        )}
        <p role="status" class="state-text">
          {opening ? 'Opening…' : stateText(view)}
        </p>
        {progress !== undefined && <button onClick={onStop}>Stop</button>}
        {progress === undefined && state === RunState.Stopped && <span class="badge warning">stopped</span>}
        {progress === undefined && (state === RunState.Stopped || state === RunState.Failed) && (
          <button onClick={onReadAgain}>Read again</button>
        )}
      </div>
      <div class="head-actions">
        <button onClick={onOpen} aria-keyshortcuts="o">
          Open…
        </button>
        {captures.length > 0 && <button onClick={onClose}>Close</button>}
        <ThemeButton />
        <button onClick={onHelp} aria-keyshortcuts="?" aria-label="Help: keys and what the views show">
          ?
        </button>
      </div>
    </header>
  );
}

/** What a screen reader announces. It doesn't change with each packet. */
function stateText({ captures, problems, reading, rereading, state, index }: SessionView): string {
  if (captures.length === 0) return problems.length > 0 ? 'Not read' : '';
  if (rereading !== undefined) return 'The view changes once everything is decrypted';
  if (reading !== undefined) return '';
  const packets = `${index.packets.toLocaleString('en')} packets`;
  if (state === RunState.Stopped) return `${packets} so far`;
  return state === RunState.Failed ? 'Not read' : packets;
}

/** What the workers do. */
function workText({ isIndexed }: Progress, hasNewKeys: boolean): string {
  if (isIndexed) return 'Looking for what is wrong';
  return hasNewKeys ? 'Decrypting' : 'Reading';
}

function ProgressBar({ progress: { position, size, packets }, what }: { progress: Progress; what: string }) {
  return (
    <span class="progress">
      <span>{what}</span>
      <progress max={Math.max(1, size)} value={position} aria-label={what} />
      <span class="progress-text">
        {byteText(position)} of {byteText(size)}, {packets.toLocaleString('en')} packets
      </span>
    </span>
  );
}
