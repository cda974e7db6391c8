/** Builds the image of docs/deploy/Dockerfile without a registry. */
import { cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type DockerEngine } from '../join/docker-engine.js';
import { command } from '../live/namespaces/command.js';
import { ROOT } from '../repository.js';
import { deployFile, dockerfile } from './deployment.js';

const BASE = 'vtep-test-base';
/** The image's name. */
export const IMAGE = 'vtep';
/** The programs of a Debian image that the vtep command needs. */
const APPLETS = ['sh', 'env'];

/** Copies a program of this machine with its libraries, at the paths at which they are found. */
function copyProgram(program: string, at: string, root: string): void {
  const libraries = [...command(['ldd', program]).matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path);
  for (const [from, to] of [[program, at], ...libraries.map((path) => [path, path])] as [string, string][]) {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    cpSync(realpathSync(from), join(root, to));
  }
}

/** Imports an image with this machine's Node and busybox's shell, in place of `node:20-bookworm-slim`. */
function importBase(engine: DockerEngine, folder: string): void {
  const root = join(folder, 'base');
  copyProgram(process.execPath, '/usr/local/bin/node', root);
  copyProgram('/usr/bin/busybox', '/bin/busybox', root);
  for (const name of APPLETS) symlinkSync('/bin/busybox', join(root, 'bin', name));
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  symlinkSync('/bin/busybox', join(root, 'usr/bin/env'));
  for (const path of ['tmp', 'run', 'etc']) mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  const archive = join(folder, 'base.tar');
  command(['tar', '-C', root, '-cf', archive, '.']);
  engine.client(['import', archive, BASE]);
}

/**
 * Runs the last step of the Dockerfile's build stage on this machine: what the image consists of. The build that `npm
 * pack` starts with has been done, and npm's cache has the dependencies.
 * @returns the folder that the final stage copies
 */
function runBuildStage(folder: string): string {
  const step = dockerfile()
    .filter(({ name, stage }) => name === 'RUN' && stage === 0)
    .at(-1);
  if (step === undefined) throw new Error('the build stage has no steps');
  mkdirSync(join(folder, 'tmp'));
  const here = step.words.replaceAll('/out', `${folder}/out`).replaceAll('/tmp', `${folder}/tmp`);
  const npm = ['npm_config_ignore_scripts=true', 'npm_config_prefer_offline=true'];
  command(['env', ...npm, 'sh', '-ec', `cd '${ROOT}' && ${here.replaceAll(`${folder}${folder}`, folder)}`]);
  return join(folder, 'out');
}

/**
 * Builds the image on an engine. The base image and the files of the build stage are this machine's; the final stage is
 * built as the Dockerfile has it.
 * @param folder an empty one
 */
export function buildImage(engine: DockerEngine, folder: string): void {
  importBase(engine, folder);
  const context = join(folder, 'context');
  mkdirSync(context);
  command(['tar', '-C', runBuildStage(folder), '-cf', join(context, 'out.tar'), '.']);
  const [, final = ''] = deployFile('Dockerfile').split(/^(?=FROM \S+$)/m);
  const text = `ARG BASE\nFROM scratch AS build\nADD out.tar /out/\n${final}`;
  writeFileSync(join(context, 'Dockerfile'), text);
  engine.client(['build', '--quiet', '--network', 'none', '--build-arg', `BASE=${BASE}`, '--tag', IMAGE, context]);
}
