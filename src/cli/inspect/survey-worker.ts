/** Entry point of the threads of `inspect --workers`. */
import { readShared } from '../../capture/index.js';
import { Survey } from '../../inspect/index.js';
import { PlainVxlan } from '../../inspect/internal.js';
import { serveTask } from '../../workers/index.js';
import type { SurveyTask } from './survey-workers.js';

await serveTask(async (data, context) => {
  const { files, decoding, start } = data as SurveyTask;
  // The thread that started these is the first one.
  const worker = 1 + context.worker;
  const owners = new PlainVxlan(1 + context.workers, decoding.port);
  const survey = new Survey(decoding);
  survey.begin(start);
  for (const file of files) {
    const source = await readShared(file);
    while (!context.stopped) {
      const batch = await source.next();
      if (batch === undefined) break;
      survey.addShare(batch, owners, worker);
    }
    await source.close();
  }
  return survey.part();
});
