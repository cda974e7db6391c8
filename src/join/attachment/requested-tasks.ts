/**
 * Remembers which tasks were requested as attachments, on disk. Managers don't tell a node about a task before they
 * assign it, and never assign some, so after a restart only this file tells that it exists: without it, another one
 * would be requested, and the first would hold its address until the node is removed.
 */
import { lstatSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { clearPartFilesOf, PartFile, syncFolder } from '../../capture/file/part-file.js';
import { systemReason } from '../../capture/file/standard-stream.js';
import { JoinError } from '../error.js';

/** Name of the file in the state directory. */
export const REQUESTED_FILE = 'attachments.json';
const VERSION = 1;
const TASK_ID = /^[0-9a-z]{1,64}$/;
const CONTAINER_ID = /^[0-9a-f]{64}$/;
const MAX_TASKS = 4_000;
const MAX_BYTES = 1 << 20;

/** Requested tasks, of this run and earlier ones. */
export class RequestedTasks {
  readonly #directory: string;
  readonly #path: string;
  readonly #nodeId: string;
  readonly #onTrouble: (error: JoinError) => void;
  readonly #tasks: Map<string, string>;
  #troubled = false;

  /**
   * Loads what is stored. A file that is damaged, or another node's, counts as empty: it is worth no more than a
   * request that waits in the swarm.
   * @param directory the state directory, which this process has locked
   * @param onTrouble called with `STATE_UNUSABLE` if the file can't be written; again only once it could be
   */
  constructor(directory: string, nodeId: string, onTrouble: (error: JoinError) => void) {
    this.#directory = directory;
    this.#path = join(directory, REQUESTED_FILE);
    this.#nodeId = nodeId;
    this.#onTrouble = onTrouble;
    clearPartFilesOf(this.#path);
    this.#tasks = this.#load();
  }

  /** Container id by task id. */
  get tasks(): ReadonlyMap<string, string> {
    return this.#tasks;
  }

  /** The last task that was requested with a container id. */
  taskOf(containerId: string): string | undefined {
    let found: string | undefined;
    for (const [taskId, container] of this.#tasks) if (container === containerId) found = taskId;
    return found;
  }

  /** Remembers a task. Beyond 4,000, the oldest one is forgotten. */
  add(taskId: string, containerId: string): void {
    if (!TASK_ID.test(taskId) || this.#tasks.has(taskId)) return;
    for (const oldest of this.#tasks.keys()) {
      if (this.#tasks.size < MAX_TASKS) break;
      this.#tasks.delete(oldest);
    }
    this.#tasks.set(taskId, containerId);
    this.#save();
  }

  /** Forgets a task that doesn't exist any more. */
  delete(taskId: string): void {
    if (this.#tasks.delete(taskId)) this.#save();
  }

  #load(): Map<string, string> {
    const tasks = new Map<string, string>();
    try {
      const found = lstatSync(this.#path, { throwIfNoEntry: false });
      if (found?.isFile() !== true || found.size > MAX_BYTES) return tasks;
      const root: unknown = JSON.parse(readFileSync(this.#path, 'utf8'));
      if (typeof root !== 'object' || root === null) return tasks;
      const { version, node, tasks: stored } = root as Readonly<Record<string, unknown>>;
      if (version !== VERSION || node !== this.#nodeId || typeof stored !== 'object' || stored === null) return tasks;
      for (const [taskId, containerId] of Object.entries(stored).slice(0, MAX_TASKS)) {
        if (!TASK_ID.test(taskId) || typeof containerId !== 'string' || !CONTAINER_ID.test(containerId)) continue;
        tasks.set(taskId, containerId);
      }
    } catch {
      tasks.clear();
    }
    return tasks;
  }

  #save(): void {
    try {
      if (this.#tasks.size === 0) rmSync(this.#path, { force: true });
      else this.#write();
      this.#troubled = false;
    } catch (error) {
      if (this.#troubled) return;
      this.#troubled = true;
      this.#onTrouble(
        new JoinError('STATE_UNUSABLE', `can't write ${systemReason(this.#path, error)}`, { cause: error }),
      );
    }
  }

  #write(): void {
    const part = new PartFile(this.#path, true);
    try {
      const text = JSON.stringify({ version: VERSION, node: this.#nodeId, tasks: Object.fromEntries(this.#tasks) });
      part.write(Buffer.from(`${text}\n`));
      part.replace();
    } finally {
      part.abandon();
    }
    syncFolder(this.#directory);
  }
}
