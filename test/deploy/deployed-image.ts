/** Builds the image of docs/deploy/Dockerfile without a registry. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DockerEngine } from '../join/docker-engine.js';
import { command } from '../live/namespaces/command.js';
import { ROOT } from '../repository.js';
import { importImage } from '../swarm/docker/scratch-image.js';
import { deployFile, dockerfile } from './deployment.js';

const BASE = 'vtep-test-base';
/** Packing, installing and building take seconds, and minutes beside everything else that CI does at the same time. */
const PATIENCE_MS = 300_000;
/** What vtep needs of a Debian image, beside Node. */
const APPLETS = ['/bin/sh', '/usr/bin/env'];

/**
 * Runs the last step of the Dockerfile's build stage on this machine: what the image consists of. The build that `npm
 * pack` starts with has been done, and npm's cache has the dependencies.
 * @returns the folder that the final stage copies
 */
function runBuildStage(folder: string): string {
  const step = dockerfile().findLast(({ name, stage }) => name === 'RUN' && stage === 0);
  if (step === undefined) throw new Error('the build stage has no steps');
  mkdirSync(join(folder, 'tmp'));
  const here = step.words.replaceAll(/ \/(out|tmp)\b/g, ` ${folder}/$1`);
  const npm = ['npm_config_ignore_scripts=true', 'npm_config_prefer_offline=true'];
  command(['env', ...npm, 'sh', '-ec', `cd '${ROOT}' && ${here}`], '', PATIENCE_MS);
  return join(folder, 'out');
}

/**
 * Builds the image on an engine. Node and the files of the build stage are this machine's; the final stage is built as
 * the Dockerfile has it.
 * @param folder an empty one
 */
export function buildImage(engine: DockerEngine, name: string, folder: string): void {
  importImage([engine], BASE, { applets: APPLETS, programs: { '/usr/local/bin/node': process.execPath } });
  const context = join(folder, 'context');
  mkdirSync(context);
  command(['tar', '-C', runBuildStage(folder), '-cf', join(context, 'out.tar'), '.']);
  const [, final = ''] = deployFile('Dockerfile').split(/^(?=FROM \S+$)/m);
  writeFileSync(join(context, 'Dockerfile'), `ARG BASE\nFROM scratch AS build\nADD out.tar /out/\n${final}`);
  const build = ['build', '--quiet', '--network', 'none', '--build-arg', `BASE=${BASE}`, '--tag', name, context];
  engine.client(build, undefined, PATIENCE_MS);
}
