import { VtepError } from '../error.js';

/** Errors of the protobuf codec. */
export type ProtobufErrorCode =
  /** Bytes that are not a message of the declared type. */
  'BAD_PROTOBUF';

/** An error of the protobuf codec. Its message gives the offset, and never the bytes. */
export class ProtobufError extends VtepError<ProtobufErrorCode> {}
