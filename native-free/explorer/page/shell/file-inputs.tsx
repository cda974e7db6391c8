/** Ways to give files: a picker and a field for pasted text. */
import { useId, useRef } from 'preact/hooks';
import { textFile } from '../inputs/drop-and-paste.js';
import type { NamedBlob } from '../inputs/sort-files.js';

interface FileInputsProps {
  readonly onFiles: (files: readonly NamedBlob[]) => void;
}

export function FileInputs({ onFiles }: FileInputsProps) {
  const id = useId();
  const text = useRef<HTMLTextAreaElement>(null);
  return (
    <div class="file-inputs">
      <p>
        <label for={`${id}-files`}>Captures, keys and dumps, in any number and order</label>
        <input
          id={`${id}-files`}
          type="file"
          multiple
          onChange={({ currentTarget }) => {
            onFiles([...(currentTarget.files ?? [])]);
            currentTarget.value = '';
          }}
        />
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const value = text.current?.value ?? '';
          if (value.trim() === '') return;
          onFiles([textFile(value)]);
          if (text.current !== null) text.current.value = '';
        }}
      >
        <label for={`${id}-text`}>Or paste keys or the output of a command</label>
        <textarea
          ref={text}
          id={`${id}-text`}
          rows={4}
          spellcheck={false}
          autocomplete="off"
          placeholder={'src 192.168.50.1 dst 192.168.50.2\n\tproto esp spi 0x…'}
        />
        <button>Use this text</button>
      </form>
    </div>
  );
}
