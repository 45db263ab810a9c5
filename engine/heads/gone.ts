// The errors of heads and paths that are not there any more.
import { PathledgerError } from '../../errors.ts'
import type { HeadRuntime, PathRuntime } from './runtime.ts'

/** The head is no longer there. */
export function headGoneError(head: HeadRuntime): PathledgerError {
  return new PathledgerError('HEAD_REMOVED', {
    message: `${head.name} (${head.lun.wwid}) has been removed.`,
    why: head.context.why === '' ? 'Its last path is gone.' : `${head.context.why}.`,
    todo: 'Add a path to its LUN again and take the new head from mp.head().',
    errno: 'ENXIO',
  })
}

/** The error for a path that has been removed. */
export function pathGone(path: PathRuntime): PathledgerError {
  return new PathledgerError('PATH_REMOVED', {
    message: `${path.name} (${path.hctl}) no longer exists.`,
    why: 'It has already been removed.',
    todo: '`pathledger show` lists the paths that there are.',
    errno: 'ENODEV',
  })
}
