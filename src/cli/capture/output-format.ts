/** The format of a capture that is written. */
import { extname } from 'node:path';

/** The format of an output: the value of `--format`, or else by the file's extension. */
export function formatOf(path: string, word: 'pcap' | 'pcapng' | undefined): 'pcap' | 'pcapng' {
  if (word !== undefined) return word;
  return extname(path).toLowerCase() === '.pcapng' ? 'pcapng' : 'pcap';
}
