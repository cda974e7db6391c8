/** Signal handling while a command runs. */

/** The action for each signal. */
export type SignalActions = Readonly<Partial<Record<NodeJS.Signals, () => void>>>;

/** Calls `run`. Until it settles, each signal in `actions` triggers its action instead of ending the process. */
export async function withSignals<T>(actions: SignalActions, run: () => Promise<T>): Promise<T> {
  const entries = Object.entries(actions) as [NodeJS.Signals, () => void][];
  for (const [signal, action] of entries) process.on(signal, action);
  try {
    return await run();
  } finally {
    for (const [signal, action] of entries) process.off(signal, action);
  }
}
