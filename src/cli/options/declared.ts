/**
 * Declarations of options and operands. Parsing, `--help`, shell completion and docs/cli.md all use them, so each is
 * written once.
 */
import { Argument, Option } from 'commander';
import { UsageError } from '../usage-error.js';
import { file, text, type ValueKind } from './value-kinds.js';

/** What an argument names, for shell completion. */
export type Completion = 'file' | 'device' | undefined;

/** An option whose value has type T. */
export class Declared<T> extends Option {
  /** Exists only for type inference. */
  declare readonly type: T;
  /** Whether the command can't run without it. */
  needed = false;
  /** Whether it may be given more than once. */
  readonly repeatable: boolean;
  /** What its value names. */
  readonly completes: Completion;

  /** Use `flag`, `option` and `options` instead. */
  constructor(flags: string, description: string, kind?: ValueKind<unknown>, repeatable = false) {
    super(flags, description);
    this.repeatable = repeatable;
    this.completes = kind?.completes;
    if (kind === undefined) return;
    // Commander infers it from angle brackets around the value's name.
    this.required = true;
    if (kind.choices !== undefined) this.choices(kind.choices);
    const name = this.long ?? flags;
    if (repeatable) {
      this.argParser<readonly unknown[]>((value, before) => [...before, kind.read(value, name)]);
    } else {
      this.argParser<unknown>((value, before) => {
        const read = kind.read(value, name);
        const given = before !== undefined && before !== this.defaultValue;
        if (given && before !== read) throw new UsageError(`${name} was given twice, with different values`);
        return read;
      });
    }
  }

  /** Sets the default. */
  or(value: Exclude<T, undefined>): Declared<Exclude<T, undefined>> {
    this.default(value);
    return this as unknown as Declared<Exclude<T, undefined>>;
  }

  /** Describes a default that depends on something else. */
  otherwise(description: string): this {
    this.defaultValueDescription = description;
    return this;
  }

  /** Makes it mandatory. */
  need(): Declared<Exclude<T, undefined>> {
    this.needed = true;
    return this as unknown as Declared<Exclude<T, undefined>>;
  }

  /** Lists it under a heading of its own. */
  under(heading: string): this {
    return this.helpGroup(`${heading}:`);
  }
}

/** Declares an option without a value. */
export function flag(flags: string, description: string): Declared<boolean> {
  const declared = new Declared<boolean>(flags, description);
  return declared.negate ? declared : declared.or(false);
}

/** Declares an option with a value: `option('--rows N', 'maximum rows', integer(0, 1e9))`. */
export function option(flags: string, description: string): Declared<string | undefined>;
export function option<T>(flags: string, description: string, kind: ValueKind<T>): Declared<T | undefined>;
export function option<T>(flags: string, description: string, kind?: ValueKind<T>): Declared<T | undefined> {
  return new Declared<T | undefined>(flags, description, kind ?? text);
}

/** Declares an option that may be repeated; its value is the list of values. */
export function options<T>(flags: string, description: string, kind: ValueKind<T>): Declared<readonly T[]> {
  return new Declared<readonly T[]>(flags, description, kind, true).or([]);
}

/** The mandatory `-o OUT`. */
export function outputFile(description = 'output file; - is standard output'): Declared<string> {
  return option('-o, --output OUT', description, file).need();
}

/** Options of a command, by the name of their value: `--rotate-size` is `rotateSize`. */
export type Options = Readonly<Record<string, Declared<unknown>>>;

/** The values of options. */
export type Values<O extends Options> = { readonly [K in keyof O]: O[K]['type'] };

/** The values of options that weren't given. */
export function defaultsOf<O extends Options>(options: O): Values<O> {
  const defaults = Object.entries(options).map(([name, { defaultValue }]) => [name, defaultValue as unknown]);
  return Object.fromEntries(defaults) as Values<O>;
}

/** An operand. */
export class Operand extends Argument {
  /** What is missing if it isn't there: `a capture file`. */
  readonly what: string;
  readonly completes: Completion;

  /**
   * @param form `<FILE>`, `[DEVICE]` if it is optional, `<FILE...>` if there may be several
   * @param what what it is: `a capture file`
   * @param description its line in the help text
   * @param choices its valid values, if they are few; the command checks them
   */
  constructor(
    form: string,
    what: string,
    description: string,
    completes: Completion = 'file',
    choices?: readonly string[],
  ) {
    super(form, description);
    if (choices !== undefined) this.argChoices = [...choices];
    this.what = what;
    this.completes = choices === undefined ? completes : undefined;
  }
}

/** A capture to read. */
export function captureOperand(): Operand {
  const description = 'a capture in pcap or pcapng format, optionally gzip-compressed; - is standard input';
  return new Operand('<FILE>', 'a capture file', description);
}
