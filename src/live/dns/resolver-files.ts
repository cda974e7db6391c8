/**
 * The resolv.conf and hosts of a namespace's name, which `ip netns exec` shows to programs in place of the host's
 * (ip-netns(8)). Files that somebody else has written are left alone.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** First line of files written here. */
const MARK = '# Written by vtep, which removes it at exit.';

/** What the files say. */
export interface ResolverSettings {
  /** The server's address. */
  readonly address: string;
  /** Whether the endpoint's own options set ndots; otherwise it is 0, as Docker writes it. */
  readonly ndotsSet: boolean;
  /** Names of the endpoint itself, with their addresses; undefined for no hosts file. */
  readonly hosts: ReadonlyMap<string, string> | undefined;
}

/** The files of one name. */
export class ResolverFiles {
  readonly #folder: string;
  readonly #written: string[] = [];
  #madeFolder = false;

  /**
   * Writes the files, unless somebody else's are there.
   * @param folder where namespaces have their files: /etc/netns
   * @param name a name of `ip netns`; a path has no files
   */
  constructor(folder: string, name: string, { address, ndotsSet, hosts }: ResolverSettings) {
    this.#folder = join(folder, name);
    if (name.includes('/') || name === '.' || name === '..' || name === '') return;
    const options = ndotsSet ? [] : ['options ndots:0'];
    this.#write('resolv.conf', [`nameserver ${address}`, ...options]);
    if (hosts === undefined) return;
    const own = [...hosts].map(([host, ip]) => `${ip}\t${host}`);
    this.#write('hosts', ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback', ...own]);
  }

  /** Removes the files, unless they have been replaced since. */
  remove(): void {
    for (const path of this.#written.splice(0)) {
      if (isOurs(path)) attempt(() => unlinkSync(path));
    }
    if (this.#madeFolder) attempt(() => rmdirSync(this.#folder));
  }

  #write(file: string, lines: readonly string[]): void {
    const path = join(this.#folder, file);
    if (!isOurs(path)) return;
    attempt(() => {
      // A file of a run that was killed is in a folder that it made, or that somebody left empty.
      const isLeft = existsSync(path);
      this.#madeFolder = mkdirSync(this.#folder, { recursive: true }) !== undefined || isLeft || this.#madeFolder;
      writeFileSync(path, [MARK, ...lines, ''].join('\n'));
      this.#written.push(path);
    });
  }
}

/** Whether a file may be written or removed: it is absent, or was written here. */
function isOurs(path: string): boolean {
  try {
    return readFileSync(path, 'utf8').startsWith(`${MARK}\n`);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** Programs in the namespace find the server without these files, if they know where to look. */
function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // Not writable.
  }
}
