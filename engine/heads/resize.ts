// A LUN that changes its size while it is in use. A head grows when every path of it has the new size, never before: an
// I/O must fit down whichever path is chosen. It never shrinks: what lies beyond the new end may be somebody's data.
import { recordHead, recordPath } from './lifecycle.ts'
import type { HeadRuntime, PathRuntime } from './runtime.ts'
import type { Recorded } from '../ledger/recorder.ts'

/** Asks every path of a head for its size, and lets the head follow. Waits for no server. */
export function followSizes(head: HeadRuntime): void {
  if (head.gone || !head.live) return
  let cause: Recorded | null = null
  for (const path of [...head.paths]) cause = noticeSize(path) ?? cause
  const [first, ...others] = head.paths.map(sizeOf)
  const from = head.sizeBytes
  if (first === undefined || first <= from || others.some((size) => size !== first)) return
  head.core.log.info({ head: head.name, from, to: first }, 'head has grown')
  recordHead(head, 'head.resized', { fromBytes: from, toBytes: first }, { cause })
  const { logicalBlockBytes, lun } = head
  head.lun.stream.record('lun.found', { wwid: lun.wwid, sizeBytes: first, logicalBlockBytes }, { cause })
}

/** The size that a path has, as far as the ledger knows. */
function sizeOf({ context: { newSizeBytes, sizeBytes } }: PathRuntime): number {
  return newSizeBytes ?? sizeBytes
}

/** Records that a path has another size than it had; null when it has not. */
function noticeSize(path: PathRuntime): Recorded | null {
  const { head, device } = path
  const fromBytes = sizeOf(path)
  const toBytes = device.sizeNow?.() ?? fromBytes
  if (toBytes === fromBytes) return null
  const { recorded } = recordPath(path, 'path.capacityChanged', { fromBytes, toBytes })
  if (toBytes < head.sizeBytes) {
    path.core.log.warn(
      { path: path.name, toBytes, head: head.sizeBytes },
      'path has shrunk, its head does not',
    )
    const refused = { path: path.name, fromBytes: head.sizeBytes, toBytes }
    recordHead(head, 'head.shrinkRefused', refused, { cause: recorded })
  }
  return recorded
}
