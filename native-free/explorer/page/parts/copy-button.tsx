/** A text to copy, such as a command. */
import { useState } from 'preact/hooks';

export function CopyableText({ text }: { text: string }) {
  const [said, setSaid] = useState('Copy');
  const copy = (): void => {
    // Pages from files have the clipboard, too; those from another host's http have not.
    const clipboard = (navigator as { readonly clipboard?: Clipboard }).clipboard;
    const done = clipboard?.writeText(text) ?? Promise.reject(new Error('no clipboard'));
    done.then(
      () => setSaid('Copied'),
      () => setSaid('Not allowed'),
    );
  };
  return (
    <pre class="commands" tabIndex={0}>
      <code>{text}</code>
      <button onClick={copy} aria-live="polite">
        {said}
      </button>
    </pre>
  );
}
