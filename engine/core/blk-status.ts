// Which error is what: errno -> blk_status. Whose it may be: machines/words.ts. docs/errors.md publishes this table.
import type { IoCompletion } from '../../adapters/ports.ts'
import type { BlkStatus } from '../../machines/words.ts'

const STATUS_OF_ERRNO: Readonly<Record<string, BlkStatus>> = {
  EOPNOTSUPP: 'NOTSUPP',
  ENOTSUP: 'NOTSUPP',
  ETIMEDOUT: 'TIMEOUT',
  ENOSPC: 'NOSPC',
  ENOLINK: 'TRANSPORT',
  EREMOTEIO: 'TARGET',
  EBADE: 'RESV_CONFLICT',
  ENODATA: 'MEDIUM',
  EILSEQ: 'PROTECTION',
  ENOMEM: 'RESOURCE',
  EBUSY: 'DEV_RESOURCE',
  EAGAIN: 'AGAIN',
  ENODEV: 'OFFLINE',
  ENXIO: 'OFFLINE',
  ETIME: 'DURATION_LIMIT',
  EINVAL: 'INVAL',
  EFAULT: 'INVAL',
  EBADF: 'INVAL',
}

const ERRNO_OF_STATUS: Readonly<Record<BlkStatus, string>> = {
  OK: '',
  NOTSUPP: 'EOPNOTSUPP',
  TIMEOUT: 'ETIMEDOUT',
  NOSPC: 'ENOSPC',
  TRANSPORT: 'ENOLINK',
  TARGET: 'EREMOTEIO',
  RESV_CONFLICT: 'EBADE',
  MEDIUM: 'ENODATA',
  PROTECTION: 'EILSEQ',
  RESOURCE: 'ENOMEM',
  IOERR: 'EIO',
  DEV_RESOURCE: 'EBUSY',
  AGAIN: 'EAGAIN',
  OFFLINE: 'ENODEV',
  DURATION_LIMIT: 'ETIME',
  INVAL: 'EINVAL',
}

/** `blk_status` of a completion; a short one is IOERR. */
export function statusOf(completion: IoCompletion, length: number): BlkStatus {
  if (completion.status !== null) return completion.status
  if (completion.errno !== null) return STATUS_OF_ERRNO[completion.errno] ?? 'IOERR'
  return completion.bytes === length ? 'OK' : 'IOERR'
}

/** The errno a caller gets for a status. */
export function errnoOf(status: BlkStatus): string {
  return ERRNO_OF_STATUS[status]
}
