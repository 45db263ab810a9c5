// The answers that adapters give, the range rule they share, and I/O that is done in pieces.
import type { IoCompletion, IoDone, IoRequest } from './ports.ts'

/** Success without bytes: a flush. */
export const IO_DONE: IoCompletion = { errno: null, status: null, bytes: 0 }

/** Success, or a short completion, of `bytes` bytes. */
export function completed(bytes: number): IoCompletion {
  return { errno: null, status: null, bytes }
}

/** Failure by the kernel's name for it: 'EIO'. */
export function failed(errno: string): IoCompletion {
  return { errno, status: null, bytes: 0 }
}

/** Completes an I/O in the next microtask: never inside submit. */
export function completeSoon(done: IoDone, completion: IoCompletion): void {
  queueMicrotask(() => done(completion))
}

/** True when a request reaches past the end of a device of `sizeBytes`. A flush has no range. */
export function isOutOfRange(request: IoRequest, sizeBytes: number): boolean {
  return request.op !== 'flush' && (request.offset < 0 || request.offset + request.length > sizeBytes)
}

/** True when `sizeBytes` is a device's size: whole blocks, and at least one. */
export function blocksFit(sizeBytes: number, logicalBlockBytes: number): boolean {
  return Number.isSafeInteger(sizeBytes) && sizeBytes > 0 && sizeBytes % logicalBlockBytes === 0
}

/**
 * Parts of at most `bytesMax` bytes that together are `request`; itself where it is small enough. A request larger than the
 * device's own limit would have to be split by the kernel, which it refuses for I/O that must not wait: it says EAGAIN, and
 * would say so for ever. Pure.
 */
export function piecesOf(request: IoRequest, bytesMax: number): readonly IoRequest[] {
  const { op, offset, length, data, fua } = request
  if (length <= bytesMax) return [request]
  const pieces: IoRequest[] = []
  for (let at = 0; at < length; at += bytesMax) {
    const bytes = Math.min(bytesMax, length - at)
    const part = data?.subarray(at, at + bytes) ?? null
    pieces.push({ op, offset: offset + at, length: bytes, data: part, fua })
  }
  return pieces
}

/**
 * One `done` for each piece, which together call `done` once: with the error of the first piece in order that has one,
 * else with the bytes up to the first piece that was short.
 */
export function joinPieces(pieces: readonly IoRequest[], done: IoDone): readonly IoDone[] {
  const answers: IoCompletion[] = []
  let missing = pieces.length
  return pieces.map((_, index) => (completion) => {
    answers[index] = completion
    missing -= 1
    if (missing === 0) done(joined(pieces, answers))
  })
}

function joined(pieces: readonly IoRequest[], answers: readonly IoCompletion[]): IoCompletion {
  const error = answers.find(({ errno, status }) => errno !== null || (status !== null && status !== 'OK'))
  const abandoned = answers.some((answer) => answer.abandoned === true)
  if (error !== undefined) return { ...error, bytes: 0, ...(abandoned ? { abandoned } : {}) }
  const short = answers.findIndex(({ bytes }, index) => bytes !== pieces[index]?.length)
  const whole = short < 0 ? answers : answers.slice(0, short + 1)
  return completed(whole.reduce((sum, { bytes }) => sum + bytes, 0))
}
