/** Just enough of Mach-O, the format of macOS programs, to take a signature away that does not fit any more. */

const MAGIC_64 = 0xfeedfacf;
const HEADER_BYTES = 32;
const SEGMENT_64 = 0x19;
const CODE_SIGNATURE = 0x1d;
const PAGE = 0x4000n;

interface LoadCommand {
  readonly kind: number;
  readonly offset: number;
  readonly size: number;
}

function loadCommands(program: Buffer): readonly LoadCommand[] {
  if (program.readUInt32LE(0) !== MAGIC_64) throw new Error("not a 64-bit Mach-O program");
  const commands: LoadCommand[] = [];
  let offset = HEADER_BYTES;
  for (let count = program.readUInt32LE(16); count > 0; count--) {
    const command = { kind: program.readUInt32LE(offset), offset, size: program.readUInt32LE(offset + 4) };
    commands.push(command);
    offset += command.size;
  }
  return commands;
}

/**
 * The program without its code signature. For x64: the compiler leaves Bun's own signature in place there, which does not fit what it has made, and macOS ends a
 * program with a wrong signature while it runs one without. (For arm64 the compiler signs anew.) Throws when the program is not laid out as linkers do it.
 */
export function withoutSignature(program: Buffer): Buffer {
  const commands = loadCommands(program);
  const signature = commands.at(-1);
  const linkEdit = commands.find(
    ({ kind, offset }) => kind === SEGMENT_64 && program.toString("latin1", offset + 8, offset + 18) === "__LINKEDIT",
  );
  if (signature?.kind !== CODE_SIGNATURE || linkEdit === undefined)
    throw new Error("no signature as the last load command, or no __LINKEDIT");
  const begin = program.readUInt32LE(signature.offset + 8);
  const end = begin + program.readUInt32LE(signature.offset + 12);
  const from = program.readBigUInt64LE(linkEdit.offset + 40);
  const size = program.readBigUInt64LE(linkEdit.offset + 48);
  if (end !== program.length || from + size !== BigInt(end))
    throw new Error("the signature is not the end of __LINKEDIT");
  const bare = Buffer.from(program.subarray(0, begin));
  const left = BigInt(begin) - from;
  bare.writeBigUInt64LE(left, linkEdit.offset + 48);
  bare.writeBigUInt64LE(((left + PAGE - 1n) / PAGE) * PAGE, linkEdit.offset + 32);
  bare.fill(0, signature.offset, signature.offset + signature.size);
  bare.writeUInt32LE(commands.length - 1, 16);
  bare.writeUInt32LE(bare.readUInt32LE(20) - signature.size, 20);
  return bare;
}
