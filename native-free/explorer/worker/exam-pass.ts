/** Examines captures: what the overview, the findings and the timeline of keys need. */
import { BATCH_PACKETS, type CaptureBatch, type PacketSource } from '../../../src/capture/portable.js';
import {
  CaptureExam,
  diagnose,
  doctorReport,
  type ExaminedCapture,
  InputKind,
  type ReadInputs,
  withCaptures,
} from '../../../src/doctor/index.js';
import { KeyTimeline, Survey } from '../../../src/inspect/index.js';
import type { KeyPass } from '../crypto/given-keys.js';
import type { PacketIndexer } from '../index/index.js';
import type { CaptureDecryption } from './capture-decryption.js';
import type { IndexReports } from './messages.js';

/** Examines one capture after the other, and indexes them if it is asked to. */
export class ExamPass {
  readonly #decryption: CaptureDecryption;
  readonly #indexer: PacketIndexer | undefined;
  readonly #hasTrace: boolean;
  readonly #timeline: KeyTimeline;
  /** The survey of all captures, if there are several: each exam has one of its own. */
  readonly #survey: Survey | undefined;
  readonly #sources: PacketSource[] = [];
  readonly #examined: ExaminedCapture[] = [];
  #pass: KeyPass;
  #exam: CaptureExam;

  /**
   * @param captures number of captures
   * @param indexer gets every packet as well
   */
  constructor(captures: number, decryption: CaptureDecryption, indexer?: PacketIndexer) {
    this.#decryption = decryption;
    this.#indexer = indexer;
    this.#hasTrace = captures > 1;
    this.#pass = decryption.openPass();
    this.#exam = this.#newExam();
    const { ring, survey } = this.#pass;
    const { ringSas = [] } = survey;
    this.#timeline = new KeyTimeline({ ringSas, ...(ring === undefined ? {} : { ring }) });
    if (captures > 1) this.#survey = new Survey({ ...decryption.openPass().survey, flows: true });
  }

  addBatch(batch: CaptureBatch): void {
    const exam = this.#exam;
    const { esp } = this.#pass.survey;
    const { decoder, inner } = exam.survey;
    for (let i = 0; i < batch.count && i < BATCH_PACKETS; i++) {
      const verdict = exam.add(batch, i);
      this.#timeline.addDecoded(batch, i, decoder, verdict, esp);
      this.#indexer?.add(batch, i, decoder, verdict, inner, exam.survey.wrongChecksums !== 0);
    }
    this.#survey?.addBatch(batch);
  }

  /** Ends a capture. */
  endCapture(source: PacketSource): void {
    const evidence = this.#exam.report(source);
    const { firstSeconds: seconds, damage } = evidence;
    const warnings = damage === undefined ? [] : [damage];
    const summary = { file: source.name, node: '', kinds: [InputKind.Capture], warnings, seconds };
    this.#examined.push({ node: undefined, evidence, summary });
    this.#sources.push(source);
    this.#pass = this.#decryption.openPass();
    this.#exam = this.#newExam();
  }

  /** What was found in all of them. */
  reports(texts: ReadInputs): IndexReports {
    const [first, ...others] = this.#sources;
    const survey = this.#survey?.report([first, ...others]) ?? this.#examined[0].evidence.survey;
    const doctor = doctorReport(diagnose(withCaptures(texts, this.#examined)));
    return { survey, timeline: this.#timeline.report({ made: this.#decryption.made }), doctor };
  }

  #newExam(): CaptureExam {
    return new CaptureExam({ ...this.#pass.survey, flows: true, trace: this.#hasTrace });
  }
}
