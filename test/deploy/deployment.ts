/** The files of docs/deploy, parsed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../repository.js';

export const DEPLOY = join(ROOT, 'docs/deploy');

/** A file of docs/deploy. */
export function deployFile(name: string): string {
  return readFileSync(join(DEPLOY, name), 'utf8');
}

/** The settings of a systemd unit: of a setting that is there more than once, all values. An empty one resets it. */
export function unitSettings(...names: readonly string[]): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  for (const [, key, value] of names
    .map(deployFile)
    .join('\n')
    .matchAll(/^(\w+)=(.*)$/gm)) {
    settings.set(key, value === '' ? [] : [...(settings.get(key) ?? []), value]);
  }
  return settings;
}

/** The capabilities of a unit, without the prefix: `NET_ADMIN`. */
export function unitCapabilities(...names: readonly string[]): string[] {
  const values = unitSettings(...names).get('AmbientCapabilities') ?? [];
  return values.flatMap((value) => value.split(' ')).map((name) => name.replace(/^CAP_/, ''));
}

/** An instruction of a Dockerfile. */
export interface Instruction {
  readonly name: string;
  /** Its arguments, with continued lines joined. */
  readonly words: string;
  /** Index of its stage; -1 before the first. */
  readonly stage: number;
}

/** The instructions of the Dockerfile. */
export function dockerfile(): Instruction[] {
  const text = deployFile('Dockerfile')
    .replace(/^#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ');
  let stage = -1;
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', words = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
      if (name === 'FROM') stage++;
      return { name, words, stage };
    });
}

/** The service of the compose file: the fields that tests look at. */
export interface ComposeService {
  readonly build: { readonly context: string; readonly dockerfile: string };
  readonly image: string;
  readonly command: readonly string[];
  readonly network_mode: string;
  readonly cap_drop: readonly string[];
  readonly cap_add: readonly string[];
  readonly devices: readonly string[];
  readonly security_opt: readonly string[];
  readonly read_only: boolean;
  readonly tmpfs: readonly string[];
  readonly volumes: readonly string[];
  readonly secrets: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
  readonly restart: string;
  readonly profiles?: readonly string[];
}

/** The compose file. */
export interface Compose {
  readonly services: { readonly vtep: ComposeService } & Readonly<Record<string, ComposeService>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** A compose file, with the defaults of its variables. */
export function compose(name = 'compose.yaml'): Compose {
  const text = deployFile(name).replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');
  return parse(text) as Compose;
}

/** The value that follows an option in a command's arguments. */
export function optionValue(words: readonly string[], option: string): string | undefined {
  const at = words.indexOf(option);
  return at < 0 ? undefined : words[at + 1];
}
