// An I/O larger than one request of the device would have to be split by the kernel, which it refuses for I/O that must
// not wait: it says EAGAIN, and would say so for ever. So it is split here.
import { completed, failed } from '../completions.ts'
import type { IoCompletion, IoDone, IoRequest } from '../ports.ts'

/** Parts of at most `bytesMax` bytes that together are `request`; itself where it is small enough, or moves no bytes. Pure. */
export function piecesOf(request: IoRequest, bytesMax: number): readonly IoRequest[] {
  const { offset, length, data } = request
  if (data === null || length <= bytesMax) return [request]
  const pieces: IoRequest[] = []
  for (let at = 0; at < length; at += bytesMax) {
    const bytes = Math.min(bytesMax, length - at)
    pieces.push({ ...request, offset: offset + at, length: bytes, data: data.subarray(at, at + bytes) })
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
  const errno = answers.find((answer) => answer.errno !== null)?.errno
  const abandoned = answers.some((answer) => answer.abandoned === true)
  if (errno !== undefined && errno !== null) return { ...failed(errno), ...(abandoned ? { abandoned } : {}) }
  const short = answers.findIndex(({ bytes }, index) => bytes !== pieces[index]?.length)
  const whole = short < 0 ? answers : answers.slice(0, short + 1)
  return completed(whole.reduce((sum, { bytes }) => sum + bytes, 0))
}
