/** The script of the page, which is that of its workers, too. */
import { startWorker } from '../worker/start.js';
import { startPage } from './start-page.js';

if (typeof document === 'undefined') startWorker();
else startPage();
