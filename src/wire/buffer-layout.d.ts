/** The part of buffer-layout 1.2.2 that the header layouts use (the package ships no types). */
declare module 'buffer-layout' {
  /** What a layout reads from and writes to: the two Buffer methods that its integers call. */
  export interface LayoutBuffer {
    readUIntBE(offset: number, byteLength: number): number;
    writeUIntBE(value: number, offset: number, byteLength: number): number;
  }

  export abstract class Layout<T> {
    constructor(span: number, property?: string);
    readonly span: number;
    readonly property: string | undefined;
    abstract decode(buffer: LayoutBuffer, offset?: number): T;
    abstract encode(value: T, buffer: LayoutBuffer, offset?: number): number;
  }

  export class UIntBE extends Layout<number> {
    constructor(span: number, property?: string);
    decode(buffer: LayoutBuffer, offset?: number): number;
    encode(value: number, buffer: LayoutBuffer, offset?: number): number;
  }

  export class BitField {
    readonly bits: number;
    readonly start: number;
    readonly valueMask: number;
    readonly property: string;
  }

  export class BitStructure extends Layout<Record<string, number>> {
    constructor(word: UIntBE, msb: boolean, property?: string);
    readonly fields: BitField[];
    addField(bits: number, property: string): BitField;
    decode(buffer: LayoutBuffer, offset?: number): Record<string, number>;
    encode(value: Record<string, number>, buffer: LayoutBuffer, offset?: number): number;
  }

  export class Structure extends Layout<Record<string, unknown>> {
    constructor(fields: Layout<unknown>[], property?: string);
    readonly fields: Layout<unknown>[];
    offsetOf(property: string): number | undefined;
    decode(buffer: LayoutBuffer, offset?: number): Record<string, unknown>;
    encode(value: Record<string, unknown>, buffer: LayoutBuffer, offset?: number): number;
  }
}
