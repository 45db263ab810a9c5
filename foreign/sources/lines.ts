// Bytes to lines. A line is kept as latin1, one character a byte, so that nothing of it is lost; its text is UTF-8.

const NEWLINE = 0x0a

/** Splits bytes into lines without their ends. The last may have had none; it is a line like any other. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[]> {
  let rest: Buffer | null = null
  for await (const { buffer, byteOffset, byteLength } of chunks) {
    const chunk = Buffer.from(buffer, byteOffset, byteLength)
    const bytes: Buffer = rest === null ? chunk : Buffer.concat([rest, chunk])
    const end = bytes.lastIndexOf(NEWLINE)
    rest = end === bytes.length - 1 ? null : bytes.subarray(end + 1)
    if (end >= 0) yield bytes.toString('latin1', 0, end).split('\n').map(withoutReturn)
  }
  if (rest !== null) yield [withoutReturn(rest.toString('latin1'))]
}

function withoutReturn(raw: string): string {
  return raw.endsWith('\r') ? raw.slice(0, -1) : raw
}

// eslint-disable-next-line no-control-regex -- it asks for every character beyond seven bits
const ASCII = /^[\x00-\x7f]*$/

/** The text of a line's bytes. */
export function textOf(raw: string): string {
  return ASCII.test(raw) ? raw : Buffer.from(raw, 'latin1').toString('utf8')
}
