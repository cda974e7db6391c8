/** Errors about a place in a file. */
import { VtepError } from '../../error.js';
import { OverlayError } from '../../overlay/index.js';
import { UsageError } from '../usage-error.js';

/**
 * The error for a file that a parser refused: `overlay.yaml:7:12: networks.web.vni: ...`, with line and column as
 * compilers write them, so that editors find the place. Errors that aren't about the file stay as they are.
 */
export function aboutFile(path: string, error: unknown): unknown {
  if (!(error instanceof VtepError) || error instanceof UsageError) return error;
  if (error instanceof OverlayError && error.position !== undefined) {
    const { line, column } = error.position;
    return new UsageError(`${path}:${line}:${column}: ${error.reason}`);
  }
  return new UsageError(`${path}: ${error.message}`);
}
