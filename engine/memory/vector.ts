// The memory of a caller's I/O: one piece of bytes, or several that together are as long as the I/O.

/** One piece of memory, or several in order. */
export type Vector = Uint8Array | readonly Uint8Array[]

/** Bytes of all pieces; -1 for what is no memory at all. */
export function vectorLength(vector: Vector): number {
  if (vector instanceof Uint8Array) return vector.length
  if (!Array.isArray(vector)) return -1
  let length = 0
  for (const piece of vector as readonly unknown[]) {
    if (!(piece instanceof Uint8Array)) return -1
    length += piece.length
  }
  return length
}

/** Copies what lies from `from` on into `bytes`, all of it. */
export function gather(vector: Vector, from: number, bytes: Uint8Array): void {
  if (vector instanceof Uint8Array) {
    bytes.set(
      from === 0 && vector.length === bytes.length ? vector : vector.subarray(from, from + bytes.length),
    )
    return
  }
  eachPart(vector, from, bytes.length, (part, at) => bytes.set(part, at))
}

/** Copies all of `bytes` to where they belong, from `from` on. */
export function scatter(vector: Vector, from: number, bytes: Uint8Array): void {
  if (vector instanceof Uint8Array) return vector.set(bytes, from)
  eachPart(vector, from, bytes.length, (part, at) => part.set(bytes.subarray(at, at + part.length)))
}

/** Calls `visit` for each part of the pieces between `from` and `from + length`, with where it lies behind `from`. */
function eachPart(
  pieces: readonly Uint8Array[],
  from: number,
  length: number,
  visit: (part: Uint8Array, at: number) => void,
): void {
  let start = 0
  for (const piece of pieces) {
    const first = Math.max(0, from - start)
    const end = Math.min(piece.length, from + length - start)
    if (first < end) visit(piece.subarray(first, end), start + first - from)
    start += piece.length
  }
}
