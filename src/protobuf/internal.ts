/** The protobuf codec, which is not part of vtep's public API. */
export { ProtobufError, type ProtobufErrorCode } from './error.js';
export { PROTOBUF_FAULTS, type ProtobufFault } from './fault.js';
export {
  bool,
  bytes,
  type Decoded,
  type Field,
  int,
  message,
  type MessageType,
  nested,
  nestedList,
  text,
  textList,
  textMap,
  uint,
} from './message.js';
export { ProtobufReader, WireType } from './reader.js';
export { ProtobufWriter } from './writer.js';
