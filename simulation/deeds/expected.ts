// The codes that there may be: anything else that is told is a broken promise.
import type { ErrorCode } from '../../errors/codes.ts'

/** What callers of I/O may meet. */
export const CALLERS_HEAR: readonly ErrorCode[] = [
  'ABORTED',
  'GHOST_HOLD',
  'NO_PATH',
  'HEAD_REMOVED',
  'IO_ERROR',
  'CLOSED',
  'QUEUE_FULL',
  'HEAD_NOT_FOUND',
  'LEDGER_STALLED',
  'NOT_DURABLE',
  'DRAINED',
  'LUN_STORAGE_STALLED',
  'LUN_STORAGE_LOST',
]

/** What those may meet who reserve. */
export const RESERVERS_HEAR: readonly ErrorCode[] = [
  'RESERVATION_CONFLICT',
  'RESERVATION_BUSY',
  'RESERVATION_REFUSED',
  'RESERVATION_NO_PATH',
  'HEAD_REMOVED',
  'CLOSED',
  'LEDGER_STALLED',
  'LUN_STORAGE_STALLED',
  'LUN_STORAGE_LOST',
]

/** What operators may meet who remove a path. */
export const REMOVERS_HEAR: readonly ErrorCode[] = [
  'LEDGER_STALLED',
  'PATH_REMOVED',
  'LUN_STORAGE_STALLED',
  'LUN_STORAGE_LOST',
]
