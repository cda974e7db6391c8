/** What the user has opened, and the workers that read it. */
import type { AddressNames } from '../../../../src/inspect/index.js';
import type { ByteLocation } from '../../capture/byte-store.js';
import type { CaptureIndex } from '../../index/capture-index.js';
import type { GivenText, IndexReports } from '../../worker/messages.js';
import { withCaptures, withTexts } from '../inputs/given-files.js';
import type { FileProblem } from './file-problem.js';
import { EMPTY_INDEX } from './growing-index.js';
import { IndexRun, RunState, sizeOf, type WorkerStarter } from './index-run.js';
import { namesOf } from './names-of.js';

/** Captures up to this size are decrypted as they are first read; larger ones are shown first, and decrypted after that. */
const DECRYPTED_AT_ONCE = 64e6;

/** How far a worker is. */
export interface Progress {
  readonly position: number;
  readonly size: number;
  readonly packets: number;
  /** Whether every packet is in the index, and the captures are read once more for the reports. */
  readonly isIndexed: boolean;
}

/** What the page knows at a time. */
export interface SessionView {
  readonly captures: readonly ByteLocation[];
  readonly texts: readonly GivenText[];
  readonly index: CaptureIndex;
  readonly reports: IndexReports | undefined;
  readonly names: AddressNames | undefined;
  readonly state: RunState;
  /** Of the worker whose index is shown; undefined if it has ended. */
  readonly reading: Progress | undefined;
  /** Of the worker that reads everything again, with the keys given since. */
  readonly rereading: Progress | undefined;
  readonly problems: readonly FileProblem[];
}

/** The captures and texts of a page. */
export class Session {
  readonly #starter: WorkerStarter;
  readonly #onChange: () => void;
  #captures: readonly ByteLocation[] = [];
  #texts: readonly GivenText[] = [];
  #names: AddressNames | undefined;
  #namesProblem: FileProblem | undefined;
  readonly #inputProblems: FileProblem[] = [];
  #shown: IndexRun | undefined;
  #next: IndexRun | undefined;
  /** Whether the user has stopped decrypting in the background. */
  #isDecryptingStopped = false;

  /** @param onChange called after each change, often while workers read */
  constructor(starter: WorkerStarter, onChange: () => void) {
    this.#starter = starter;
    this.#onChange = onChange;
  }

  get view(): SessionView {
    const shown = this.#shown;
    return {
      captures: this.#captures,
      texts: this.#texts,
      index: shown?.index ?? EMPTY_INDEX,
      reports: shown?.reports,
      names: this.#names,
      state: shown?.state ?? RunState.Done,
      reading: progressOf(shown),
      rereading: progressOf(this.#next),
      problems: [
        ...this.#inputProblems,
        ...(this.#namesProblem === undefined ? [] : [this.#namesProblem]),
        ...(this.#next?.problems ?? shown?.problems ?? []),
      ],
    };
  }

  /**
   * Opens captures, and takes texts. New captures are read together with those that are open; with new keys, all are
   * read again while the index so far stays in view.
   */
  add(captures: readonly ByteLocation[], texts: readonly GivenText[], problems: readonly FileProblem[] = []): void {
    this.#inputProblems.push(...problems);
    this.#captures = withCaptures(this.#captures, captures);
    if (texts.length > 0) this.#setTexts(withTexts(this.#texts, texts));
    if (this.#captures.length > 0 && captures.length + texts.length > 0) this.#read(captures.length > 0);
    this.#onChange();
  }

  /** Forgets a capture or a text, and reads the others again without it. */
  remove(name: string): void {
    const captures = this.#captures.filter((capture) => capture.name !== name);
    const isCapture = captures.length < this.#captures.length;
    if (isCapture) this.#captures = captures;
    else this.#setTexts(this.#texts.filter((text) => text.name !== name));
    if (captures.length === 0) {
      this.#end();
      this.#shown = undefined;
    } else {
      this.#read(isCapture);
    }
    this.#onChange();
  }

  /** Reads everything again, after reading was stopped. */
  readAgain(): void {
    if (this.#captures.length > 0) this.#read(true);
    this.#onChange();
  }

  /** Stops reading; what has been read stays. */
  stop(): void {
    if (this.#next !== undefined) {
      this.#isDecryptingStopped = true;
      this.#next.stop();
      this.#next = undefined;
    } else {
      this.#shown?.stop();
    }
    this.#onChange();
  }

  /** Forgets everything. */
  clear(): void {
    this.#end();
    this.#shown = undefined;
    this.#captures = [];
    this.#texts = [];
    this.#names = undefined;
    this.#namesProblem = undefined;
    this.#inputProblems.length = 0;
    this.#onChange();
  }

  /** Forgets what is wrong with files, once the user has read it. */
  dismissProblems(): void {
    this.#inputProblems.length = 0;
    this.#namesProblem = undefined;
    this.#shown?.problems.splice(0);
    this.#next?.problems.splice(0);
    this.#onChange();
  }

  #setTexts(texts: readonly GivenText[]): void {
    this.#texts = texts;
    const { names, problem } = namesOf(texts);
    this.#names = names;
    this.#namesProblem = problem;
  }

  #end(): void {
    this.#next?.stop();
    this.#next = undefined;
    this.#shown?.stop();
  }

  #read(hasNewCaptures: boolean): void {
    const hasTexts = this.#texts.length > 0;
    this.#isDecryptingStopped = false;
    if (hasNewCaptures || this.#shown === undefined) {
      this.#end();
      this.#shown = this.#start(hasTexts && sizeOf(this.#captures) <= DECRYPTED_AT_ONCE);
      return;
    }
    this.#next?.stop();
    this.#next = this.#start(true);
  }

  #start(decrypt: boolean): IndexRun {
    const request = { captures: this.#captures, texts: this.#texts, decrypt };
    const run: IndexRun = new IndexRun(request, this.#starter, () => this.#advance(run));
    return run;
  }

  /** Shows the index with the new keys once it is complete, and starts decrypting what was shown without. */
  #advance(run: IndexRun): void {
    if (run === this.#shown && run.state === RunState.Failed && run.index.packets === 0) {
      // Nothing could be read: there is nothing to show, and no use in reading it again with the next files.
      this.#inputProblems.push(...run.problems);
      this.#shown = undefined;
      this.#captures = [];
    } else if (run === this.#next && !run.isRunning) {
      if (run.state === RunState.Done) this.#shown = run;
      else this.#inputProblems.push(...run.problems);
      this.#next = undefined;
    } else if (
      run === this.#shown &&
      run.isIndexed &&
      this.#next === undefined &&
      !run.request.decrypt &&
      !this.#isDecryptingStopped &&
      this.#texts.length > 0
    ) {
      this.#next = this.#start(true);
    }
    this.#onChange();
  }
}

function progressOf(run: IndexRun | undefined): Progress | undefined {
  if (run?.isRunning !== true) return undefined;
  return { position: run.position, size: run.size, packets: run.index.packets, isIndexed: run.isIndexed };
}
