/** A packet's bytes. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { PacketBytes, PacketNode } from '../../detail/index.js';

const BYTES_PER_ROW = 16;
/** Bytes shown until the user asks for all. */
const FIRST_BYTES = 2048;

interface HexViewProps {
  readonly source: PacketBytes;
  readonly marked: PacketNode | undefined;
  /** Called with the offset of a byte that was clicked. */
  readonly onMark: (at: number) => void;
}

export function HexView({ source: { name, bytes }, marked, onMark }: HexViewProps) {
  const [showsAll, setShowsAll] = useState(false);
  const view = useRef<HTMLDivElement>(null);
  useEffect(() => {
    view.current?.querySelector('.marked')?.scrollIntoView({ block: 'nearest' });
  }, [marked]);
  const end = showsAll ? bytes.length : Math.min(bytes.length, FIRST_BYTES);
  const isMarked = (at: number): boolean => marked !== undefined && at >= marked.from && at < marked.to;
  const rows: number[] = [];
  for (let at = 0; at < end; at += BYTES_PER_ROW) rows.push(at);
  return (
    <div
      ref={view}
      class="hex"
      role="group"
      tabIndex={0}
      aria-label={`${name}: ${bytes.length} bytes in hexadecimal`}
      onClick={({ target }) => {
        const at = target instanceof HTMLElement ? target.dataset['at'] : undefined;
        if (at !== undefined) onMark(Number(at));
      }}
    >
      {rows.map((row) => {
        const to = Math.min(end, row + BYTES_PER_ROW);
        const offsets = Array.from({ length: to - row }, (_, i) => row + i);
        return (
          <div key={row} class="hex-row">
            <span class="offset">{row.toString(16).padStart(4, '0')}</span>
            <span class="hex-bytes">
              {offsets.map((at) => (
                <span key={at} data-at={at} class={isMarked(at) ? 'marked' : undefined}>
                  {bytes[at].toString(16).padStart(2, '0')}
                </span>
              ))}
            </span>
            <span class="ascii" aria-hidden="true">
              {offsets.map((at) => (
                <span key={at} data-at={at} class={isMarked(at) ? 'marked' : undefined}>
                  {bytes[at] >= 0x20 && bytes[at] < 0x7f ? String.fromCharCode(bytes[at]) : '·'}
                </span>
              ))}
            </span>
          </div>
        );
      })}
      {end < bytes.length && (
        <button onClick={() => setShowsAll(true)}>Show all {bytes.length.toLocaleString('en')} bytes</button>
      )}
    </div>
  );
}
