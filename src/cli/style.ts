/** Lines of text with styles, which a terminal shows as colours and everything else ignores. */
import { plain } from '../text/plain-text.js';

/** Styles, and the SGR codes that switch them on and off (ECMA-48). */
const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
} as const;

/** A style: red for losses and errors, yellow for warnings, green for what is verified, dim for zeros. */
export type Style = keyof typeof CODES;

/** A piece of a line with a style. */
export interface Span {
  readonly text: string;
  readonly style: Style;
}

/** A line: text without styles, or pieces of which some have one. */
export type Line = string | readonly (string | Span)[];

/** A text with a style. */
export function styled(text: string, style: Style): Span {
  return { text, style };
}

/** A line's text without its styles. */
export function bareText(line: Line): string {
  return typeof line === 'string' ? line : line.map((part) => (typeof part === 'string' ? part : part.text)).join('');
}

/**
 * A line as written to a stream: without keys and control characters but those of its styles.
 * @param colour whether the stream shows styles
 */
export function rendered(line: Line, colour: boolean): string {
  if (!colour || typeof line === 'string') return plain(bareText(line));
  return line
    .map((part) => {
      if (typeof part === 'string') return plain(part);
      const [on, off] = CODES[part.style];
      return part.text === '' ? '' : `\x1b[${on}m${plain(part.text)}\x1b[${off}m`;
    })
    .join('');
}

/** A line without what exceeds a width; an ellipsis takes its place. */
export function cutLine(line: Line, width: number): Line {
  if (bareText(line).length <= width) return line;
  if (typeof line === 'string') return cutText(line, width);
  const parts: (string | Span)[] = [];
  let left = width;
  for (const part of line) {
    const text = typeof part === 'string' ? part : part.text;
    // The next part may need the ellipsis, and there must be room for it.
    const shown = text.length < left ? text : cutText(`${text} `, left);
    parts.push(typeof part === 'string' ? shown : { ...part, text: shown });
    left -= shown.length;
    if (shown !== text) break;
  }
  return parts;
}

/** A text of at most `width` characters; an ellipsis takes the place of what is missing. */
export function cutText(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`.slice(0, width);
}

/** A space at which a line may break: not between a number and its unit. */
const BREAK = / (?!(?<=\d )(?:m?s|min|[hdy]|[kMG]?B|%|bytes)(?![\w]))/;

/**
 * Wraps a text at spaces. Words that are longer than a line stay whole, so that they can be copied.
 * @param width maximum length of a line; Infinity leaves the text unchanged
 * @param hang further indentation of the continuation lines
 */
export function wrapped(text: string, width: number, hang = 2): string[] {
  if (text.length <= width) return [text];
  const indent = /^ */.exec(text)?.[0] ?? '';
  const further = indent + ' '.repeat(hang);
  const lines: string[] = [];
  let line = indent;
  let empty = true;
  for (const word of text.slice(indent.length).split(BREAK)) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line.trimEnd());
      line = further;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines;
}
