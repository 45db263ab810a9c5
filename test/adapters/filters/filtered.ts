// A memory path for the filters' tests, on a virtual clock, with a record of what reaches it.
import { memoryLun, memoryPath } from '../../../adapters/paths/memory.ts'
import type { MemoryLun, MemoryPath } from '../../../adapters/paths/memory.ts'
import type { IoCompletion, IoRequest, PathDevice } from '../../../adapters/ports.ts'
import { VirtualClock } from '../../../adapters/virtual-clock.ts'

export interface Inner {
  readonly clock: VirtualClock
  readonly lun: MemoryLun
  readonly inner: MemoryPath
  /** What reached the path within, in order. */
  readonly reached: IoRequest[]
}

/** A memory path of 64 KiB that answers after 10 microseconds. */
export function makeInner(errorsAreFinal = true): Inner {
  const clock = new VirtualClock()
  const lun = memoryLun({ wwid: 'naa.6000', sizeBytes: 65_536 })
  const reached: IoRequest[] = []
  const onSubmit = (request: IoRequest): void => void reached.push(request)
  const inner = memoryPath(lun, { hctl: '0:0:0:0', clock, latencyUs: 10, errorsAreFinal, onSubmit })
  return { clock, lun, inner, reached }
}

/** Submits a request; the answer holds its completion once there is one. */
export function submitTo(path: PathDevice, request: IoRequest): { completion: IoCompletion | null } {
  const answer: { completion: IoCompletion | null } = { completion: null }
  path.submit(request, (completion) => {
    answer.completion = completion
  })
  return answer
}
