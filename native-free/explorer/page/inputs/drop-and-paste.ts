/** Files that are dropped anywhere on the page, and files and texts that are pasted. */
import { useEffect, useState } from 'preact/hooks';
import type { NamedBlob } from './sort-files.js';

/** Shortest text that is taken for keys or a dump when it is pasted outside of an input. */
const SHORTEST_TEXT = 20;

let pasted = 0;

/** A text as a file. */
export function textFile(text: string): NamedBlob {
  pasted++;
  return Object.assign(new Blob([text]), { name: pasted === 1 ? 'pasted text' : `pasted text ${pasted}` });
}

/** Whether what happens at an element is typing. */
export function isTypedIn(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName) || isInDialog(target);
}

function isInDialog(target: HTMLElement): boolean {
  return target.closest('dialog') !== null;
}

/**
 * Listens for files.
 * @returns whether files are held over the page
 */
export function useDropAndPaste(open: (files: readonly NamedBlob[]) => void): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const listeners = new AbortController();
    const { signal } = listeners;
    addEventListener(
      'dragover',
      (event) => {
        if (event.dataTransfer?.types.includes('Files') !== true) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = 'copy';
        setOver(true);
      },
      { signal },
    );
    addEventListener(
      'dragleave',
      (event) => {
        if (event.relatedTarget === null) setOver(false);
      },
      { signal },
    );
    addEventListener(
      'drop',
      (event) => {
        setOver(false);
        if (event.dataTransfer?.types.includes('Files') !== true) return;
        event.preventDefault();
        open([...event.dataTransfer.files]);
      },
      { signal },
    );
    addEventListener(
      'paste',
      (event) => {
        if (isTypedIn(event.target)) return;
        const files = [...(event.clipboardData?.files ?? [])];
        const text = event.clipboardData?.getData('text/plain') ?? '';
        if (files.length === 0 && text.trim().length < SHORTEST_TEXT) return;
        event.preventDefault();
        open(files.length > 0 ? files : [textFile(text)]);
      },
      { signal },
    );
    return () => listeners.abort();
  }, []);
  return isOver;
}
