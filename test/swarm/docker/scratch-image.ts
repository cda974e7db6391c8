/** Images without a registry: programs of this machine, with their libraries. */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type DockerEngine } from '../../join/docker-engine.js';
import { command } from '../../live/namespaces/command.js';

const BUSYBOX = '/bin/busybox';

/** What is in an image beside busybox. */
export interface ImageContents {
  /** Paths of busybox's applets in the image. */
  readonly applets: readonly string[];
  /** Further programs, by their paths in the image. */
  readonly programs?: Readonly<Record<string, string>>;
}

/** Copies a program with its libraries, which go where the loader finds them. */
function copyProgram(program: string, path: string, root: string): void {
  const libraries = [...command(['ldd', program]).matchAll(/(\/\S+) \(0x/g)].map(([, library]) => library);
  const copies: readonly (readonly [string, string])[] = [
    [program, path],
    ...libraries.map((library) => [library, library] as const),
  ];
  for (const [from, to] of copies) {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    cpSync(realpathSync(from), join(root, to));
  }
}

/** Imports an image into engines under a name. */
export function importImage(
  engines: readonly DockerEngine[],
  name: string,
  { applets, programs = {} }: ImageContents,
): void {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-image-'));
  try {
    const root = join(folder, 'root');
    copyProgram('/usr/bin/busybox', BUSYBOX, root);
    for (const [path, program] of Object.entries(programs)) copyProgram(program, path, root);
    for (const applet of applets) {
      mkdirSync(dirname(join(root, applet)), { recursive: true });
      symlinkSync(BUSYBOX, join(root, applet));
    }
    for (const path of ['tmp', 'run', 'etc']) mkdirSync(join(root, path), { recursive: true });
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
    const archive = join(folder, 'image.tar');
    command(['tar', '-C', root, '-cf', archive, '.']);
    for (const engine of engines) engine.client(['import', archive, name]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
