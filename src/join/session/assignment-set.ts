/** The tasks that the swarm assigned to this node, kept up to date from the managers' messages. */
import { JoinError } from '../error.js';
import { AssignmentAction, type AssignmentsMessage, AssignmentsType, type Task } from '../messages.js';

/** Far above what a node runs. */
const MAX_TASKS = 10_000;

/** Tasks by id. */
export class AssignmentSet {
  #tasks = new Map<string, Task>();
  #sequence: string | undefined;

  /** The tasks, by id. */
  get tasks(): ReadonlyMap<string, Task> {
    return this.#tasks;
  }

  /** Whether a complete set was received since `restart`. */
  get complete(): boolean {
    return this.#sequence !== undefined;
  }

  /** Expects a complete set next, as on a new stream. The tasks stay until then. */
  restart(): void {
    this.#sequence = undefined;
  }

  /**
   * Applies a message.
   * @returns false if messages are missing before it, so that the stream must be opened again
   * @throws JoinError `BAD_ANSWER` for more than 10,000 tasks
   */
  apply({ type, appliesTo, resultsIn, changes }: AssignmentsMessage): boolean {
    const complete = type === AssignmentsType.Complete;
    if (!complete && (this.#sequence === undefined || appliesTo !== this.#sequence)) return false;
    const tasks = complete ? new Map<string, Task>() : this.#tasks;
    for (const { assignment, action } of changes) {
      const task = assignment?.task;
      if (task === undefined || task.id === '') continue;
      if (action === AssignmentAction.Remove) tasks.delete(task.id);
      else tasks.set(task.id, task);
      if (tasks.size > MAX_TASKS) {
        throw new JoinError('BAD_ANSWER', `the manager assigns more than ${MAX_TASKS} tasks`);
      }
    }
    this.#tasks = tasks;
    this.#sequence = resultsIn;
    return true;
  }
}
