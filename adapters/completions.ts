// The answers that adapters give, and the range rule they share.
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
