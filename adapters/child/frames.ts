// How we and our child processes talk: frames of a small JSON head and raw bytes, over one stream.

/** What a frame's head may hold. */
export type Head = Readonly<Record<string, unknown>>

/** Two lengths, of head and data. */
const PREFIX_BYTES = 8

/** One frame, in pieces to be written one after the other: the data is not copied. */
export function encodeFrame(head: Head, data: Uint8Array | null): readonly Uint8Array[] {
  const text = Buffer.from(JSON.stringify(head))
  const start = Buffer.allocUnsafe(PREFIX_BYTES + text.length)
  start.writeUInt32LE(text.length, 0)
  start.writeUInt32LE(data?.byteLength ?? 0, 4)
  text.copy(start, PREFIX_BYTES)
  return data === null || data.byteLength === 0 ? [start] : [start, data]
}

/** Puts frames together again from the chunks of a stream. */
export class FrameReader {
  readonly #onFrame: (head: Head, data: Uint8Array) => void
  #chunks: Buffer[] = []
  #bytes = 0
  /** Bytes that the frame under way has in all; its prefix until that is here. */
  #needed = PREFIX_BYTES

  /** `onFrame` gets bytes that are its own. */
  constructor(onFrame: (head: Head, data: Uint8Array) => void) {
    this.#onFrame = onFrame
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    while (this.#bytes >= this.#needed) {
      const all = this.#joined()
      const headBytes = all.readUInt32LE(0)
      const dataBytes = all.readUInt32LE(4)
      const total = PREFIX_BYTES + headBytes + dataBytes
      this.#needed = total
      if (all.length < total) return
      this.#chunks = all.length > total ? [all.subarray(total)] : []
      this.#bytes = all.length - total
      this.#needed = PREFIX_BYTES
      const headEnd = PREFIX_BYTES + headBytes
      const head = JSON.parse(all.toString('utf8', PREFIX_BYTES, headEnd)) as Head
      this.#onFrame(head, all.subarray(headEnd, total))
    }
  }

  #joined(): Buffer {
    const [only] = this.#chunks
    const all = only !== undefined && this.#chunks.length === 1 ? only : Buffer.concat(this.#chunks)
    this.#chunks = [all]
    return all
  }
}
