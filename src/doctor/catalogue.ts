/** All findings. A finding is one file of `findings/`; the order is that of the documentation. */
import type { Finding } from './finding.js';

export const FINDINGS: readonly Finding[] = [];
