/** The matches of VNIs in the rules that Docker makes for encrypted networks (moby overlay/encryption.go, encryption_u32.go). */

const MAX_VNI = 0xffffff;
/** Docker's u32 expression: the word at offset 12 of the UDP datagram, without its last byte. */
const U32 = /@0x[cC]&0x[fF]{6}00=0x([0-9a-fA-F]{1,8})/;
/** Instructions of classic BPF: A & k, A >> k, and a jump if A equals k. */
const AND = 0x54;
const SHIFT = 0x74;
const JUMP_IF_EQUAL = 0x15;
const VNI_MASK = 0xffffff00;

/** VNI of a u32 expression; undefined if it isn't Docker's. */
export function vniOfU32(expression: string): number | undefined {
  const match = U32.exec(expression.slice(0, 200));
  return match === null ? undefined : Number.parseInt(match[1], 16) >>> 8;
}

/**
 * VNI of a BPF program as iptables prints it: `7,48 0 0 0,84 0 0 240,...`, with or without the number of instructions.
 * @returns undefined if it isn't one that compares a VNI
 */
export function vniOfBpf(program: string): number | undefined {
  let masked = false;
  let shifted = false;
  for (const instruction of program.slice(0, 1000).split(',')) {
    const match = /^\s*(\d{1,5}) \d{1,3} \d{1,3} (\d{1,10})\s*$/.exec(instruction);
    if (match === null) continue;
    const [code, operand] = [Number(match[1]), Number(match[2])];
    if (code === AND && operand === VNI_MASK) masked = true;
    else if (code === SHIFT && operand === 8) shifted = true;
    else if (code === JUMP_IF_EQUAL && (masked || shifted)) {
      const vni = shifted ? operand : operand >>> 8;
      return vni <= MAX_VNI ? vni : undefined;
    }
  }
  return undefined;
}
