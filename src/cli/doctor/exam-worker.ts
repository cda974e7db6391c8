/** Entry point of the threads of `doctor --workers`. */
import { readShared } from '../../capture/index.js';
import { CaptureExam, InnerOwners } from '../../doctor/internal.js';
import { serveTask } from '../../workers/index.js';
import type { SurveyTask } from '../inspect/survey-workers.js';

await serveTask(async (data, context) => {
  const { files, decoding, start } = data as SurveyTask;
  // The thread that started these is the first one.
  const worker = 1 + context.worker;
  const owners = new InnerOwners(1 + context.workers, decoding.port);
  const exam = new CaptureExam(decoding);
  exam.begin(start);
  for (const file of files) {
    const source = await readShared(file);
    while (!context.stopped) {
      const batch = await source.next();
      if (batch === undefined) break;
      exam.addShare(batch, owners, worker);
    }
    await source.close();
  }
  return exam.part();
});
