/** Commands that do the same to each of their operands, as Docker's do. */
import { VtepError } from '../../error.js';
import { ExitCode } from '../exit-code.js';
import { say } from '../text-output.js';

/**
 * Carries something out for each operand. One that fails is reported, and the others are seen to all the same.
 * @returns the exit code
 */
export async function forEach(operands: readonly string[], run: (operand: string) => Promise<void>): Promise<number> {
  let code: number = ExitCode.Done;
  for (const operand of operands) {
    try {
      await run(operand);
    } catch (error) {
      if (!(error instanceof VtepError)) throw error;
      say(`vtep: ${error.message}`, 'red');
      code = ExitCode.Unusable;
    }
  }
  return code;
}
