/** Commands over several lines, to copy into a shell. */

const INDENT = '  ';
const FURTHER = '      ';

/** Words, with what is in quotes. */
function wordsOf(command: string): string[] {
  return command.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
}

/** What must stay together: an option with its value, a program with its first arguments. */
function partsOf(command: string): string[] {
  const parts: string[] = [];
  for (const word of wordsOf(command)) {
    const starts = parts.length === 0 || word === '|' || (word.startsWith('-') && word !== '-' && word !== '--');
    if (starts) parts.push(word);
    else parts[parts.length - 1] += ` ${word}`;
  }
  return parts;
}

/**
 * A command in lines that end in a backslash where it goes on. Breaks are before options and pipes, and elsewhere only if a
 * line is too short for what belongs together. Words stay whole.
 * @param width maximum length of a line, backslash included
 */
export function shellLines(command: string, width: number): string[] {
  if (INDENT.length + command.length <= width) return [INDENT + command];
  const room = width - ' \\'.length;
  const parts = partsOf(command).flatMap((part) => (FURTHER.length + part.length <= room ? [part] : wordsOf(part)));
  const lines: string[] = [];
  let line = INDENT + (parts.shift() ?? '');
  for (const part of parts) {
    if (line.length + 1 + part.length <= room) {
      line += ` ${part}`;
    } else {
      lines.push(`${line} \\`);
      line = FURTHER + part;
    }
  }
  return [...lines, line];
}
