/** Declares `Symbol.asyncDispose` for programs whose TypeScript libraries don't: Node has it from version 20 on. */
declare global {
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}
export {};
