/**
 * Program output as users paste it: copied from a terminal, an e-mail, a forum or a chat. Colour, quote margins, the
 * backslashes of `-o` and the terminal's line wraps are undone here, once, for all parsers of such text.
 */

/** A line of pasted text. */
export interface PastedLine {
  /** Line number in the file, from 1. */
  readonly number: number;
  /** Width of the indentation in columns. */
  readonly indent: number;
  /** Width of the whole line in columns: a terminal wraps only long ones. */
  readonly width: number;
  /** Its content, trimmed. */
  readonly text: string;
}

const TAB = 8;
/** Terminals and mail programs don't wrap shorter lines. */
const MIN_WRAPPED = 50;
/** Colour and other escape sequences (ECMA-48), also where a pager or `cat -v` made them visible. */
// eslint-disable-next-line no-control-regex -- Escape sequences begin with a control character.
const ESCAPES = /(?:\u001b|\^\[)(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b\n]{0,200}(?:\u0007|\u001b\\))/g;
const BLANKS = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;
const INVISIBLE = /[\u200b-\u200d\u2060\ufeff]/g;
/** Longest wrapped word or key. */
const MAX_WORD = 160;
/** Longest wrapped line. */
const MAX_LINE = 1024;
/** Quote markers of e-mails. Without a limit, a line of nothing else would exhaust the stack of the matcher. */
const MARGIN = /^[ \t]{0,40}(?:[>|](?:[ \t]|$)){1,40}/;
/** A whole AES-GCM key with its salt, as hexadecimal digits. */
const WHOLE_KEY = /(?:^|\s)0x(?:[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{72})$/i;

/**
 * Strips colour and invisible characters such as byte order marks, and normalizes blanks and line ends. Line numbers
 * don't change.
 */
export function plainText(text: string): string {
  return text.replace(ESCAPES, '').replace(BLANKS, ' ').replace(INVISIBLE, '').replace(/\r\n?/g, '\n');
}

function widthOf(text: string): number {
  let width = 0;
  for (let i = 0; i < text.length; i++) width += text.charCodeAt(i) === 9 ? TAB - (width % TAB) : 1;
  return width;
}

/**
 * Yields the non-blank lines. With `-o`, ip and bridge print a backslash instead of a line end; each part is yielded as
 * a line.
 */
export function* pastedLines(text: string): Generator<PastedLine, void> {
  const plain = plainText(text);
  let number = 0;
  for (let at = 0; at <= plain.length;) {
    const newline = plain.indexOf('\n', at);
    const end = newline < 0 ? plain.length : newline;
    const line = plain.slice(at, end).replace(MARGIN, '');
    number++;
    at = end + 1;
    const content = line.trim();
    if (content === '') continue;
    const indent = widthOf(line.slice(0, line.length - line.trimStart().length));
    if (!/\\(?:\s|$)/.test(content)) {
      yield { number, indent, width: widthOf(line), text: content };
      continue;
    }
    for (const [i, part] of content.split(/\\(?=\s|$)/).entries()) {
      if (part.trim() !== '') yield { number, indent: indent + (i === 0 ? 0 : TAB), width: 0, text: part.trim() };
    }
  }
}

/** What a parser knows about its format, needed to rejoin wrapped lines. */
export interface WrappedLines {
  /** Whether a text is the start of a new line. */
  readonly begins: (text: string) => boolean;
  /** Whether a word is a complete token in such output, so that a line can wrap next to it but not within it. */
  readonly isWord: (word: string) => boolean;
}

/**
 * Rejoins lines that a terminal or a mail program wrapped. A line continues the previous one if that is long enough to
 * have been wrapped, and it begins with a known word or its end, or with digits of a number, an address or a key.
 */
export function* withoutWraps(
  lines: Iterable<PastedLine>,
  { begins, isWord }: WrappedLines,
): Generator<PastedLine, void> {
  let before: PastedLine | undefined;
  for (const line of lines) {
    const joint = before === undefined || begins(line.text) ? undefined : jointOf(before, line.text, isWord);
    if (before === undefined || joint === undefined) {
      if (before !== undefined) yield before;
      before = line;
      continue;
    }
    before = { ...before, width: line.width, text: `${before.text}${joint}${line.text}` };
  }
  if (before !== undefined) yield before;
}

/** What the line wrap replaced, a blank or nothing; undefined if `rest` doesn't continue the line. */
function jointOf(before: PastedLine, rest: string, isWord: (word: string) => boolean): string | undefined {
  if (before.width < MIN_WRAPPED || before.text.length > MAX_LINE) return undefined;
  const end = before.text.slice(-MAX_WORD);
  const last = /\S+$/.exec(end)?.[0] ?? '';
  const [first] = rest.slice(0, MAX_WORD).split(/\s/, 1);
  if (isWord(last + first)) return '';
  if (isWord(first)) return ' ';
  if (!/^[0-9a-fx().,:/]+$/i.test(first)) return undefined;
  return isWord(last) || WHOLE_KEY.test(end) || first.startsWith('0x') ? ' ' : '';
}
