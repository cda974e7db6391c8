/** Signals while a command runs. */

/** Called for each signal. */
export type SignalActions = Readonly<Partial<Record<NodeJS.Signals, () => void>>>;

/** Calls `run`; meanwhile signals call what they are given here and do nothing else. */
export async function withSignals<T>(actions: SignalActions, run: () => Promise<T>): Promise<T> {
  const entries = Object.entries(actions) as [NodeJS.Signals, () => void][];
  for (const [signal, action] of entries) process.on(signal, action);
  try {
    return await run();
  } finally {
    for (const [signal, action] of entries) process.off(signal, action);
  }
}
