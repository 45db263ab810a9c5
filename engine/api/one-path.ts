// Does something on the device of one path, chosen by the policy, and on no other: a retry elsewhere could do twice what must
// be done once. Whatever the device answers goes to the caller, and says nothing of the path.
import type { PathDevice } from '../../adapters/ports.ts'
import { messageOf, PathledgerError } from '../../errors.ts'
import { usOfMs } from '../core/core.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import { headGoneError } from '../heads/gone.ts'
import { nodeRefusal } from '../core/numa.ts'
import { selectPath } from '../select/select.ts'

/** Starts something on a device; undefined where the device cannot do it. */
type Operation<Answer> = (device: PathDevice, path: PathRuntime) => Promise<Answer> | undefined

/**
 * Chooses a path and does it there. The path is kept alive meanwhile: its device is not closed before the operation has
 * come back (D-54), also when its caller was told before that it took too long.
 */
export async function onOnePath<Answer>(
  head: HeadRuntime,
  what: string,
  node: number,
  operation: Operation<Answer>,
): Promise<{ path: PathRuntime; answer: Answer }> {
  const { core } = head
  if (core.broken !== null) throw core.broken
  if (!head.live) throw headGoneError(head)
  const refusal = nodeRefusal(core, node)
  if (refusal !== null) throw refusal
  const path = selectPath(head, node)
  if (path === null) throw noPathNow(head, what)
  const started = start(path, what, operation)
  path.inFlight += 1
  const running = started
    .catch((error: unknown) => {
      throw asFailure(path, what, error)
    })
    .finally(() => {
      path.inFlight -= 1
      if (path.inFlight === 0) path.onQuiet?.()
    })
  return { path, answer: await inTime(path, what, running) }
}

function start<Answer>(path: PathRuntime, what: string, operation: Operation<Answer>): Promise<Answer> {
  let started: Promise<Answer> | undefined
  try {
    started = operation(path.device, path)
  } catch (error) {
    throw asFailure(path, what, error)
  }
  if (started === undefined) throw notThere(path, what)
  return started
}

/** Whatever an adapter throws is the answer, and no fault of the engine. */
function asFailure(path: PathRuntime, what: string, error: unknown): PathledgerError {
  return error instanceof PathledgerError ? error : failed(path, what, null, error)
}

function inTime<Answer>(path: PathRuntime, what: string, running: Promise<Answer>): Promise<Answer> {
  const { clock, settings } = path.core
  const limitUs = usOfMs(settings.attemptTimeoutMs)
  if (limitUs === 0) return running
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(clock.monoUs() + limitUs, () => reject(tookTooLong(path, what)))
    running.then(resolve, reject).finally(() => timer.cancel())
  })
}

/** Nobody waits for a path here: an ioctl answers now. */
function noPathNow(head: HeadRuntime, what: string): PathledgerError {
  return new PathledgerError('NO_PATH', {
    message: `${head.name}: ${what} has no usable path.`,
    why: `None of its ${head.paths.length} paths is usable now, and commands that are passed through do not wait for one.`,
    todo: 'Try again when a path is back.',
    errno: 'EWOULDBLOCK',
    details: { head: head.name, command: what },
  })
}

/** The device has no such operation: ENOTTY. */
export function notThere({ name, head, device }: PathRuntime, what: string): PathledgerError {
  return new PathledgerError('IOCTL_UNSUPPORTED', {
    message: `${head.name}: there is no ${what} here.`,
    why: `The device of ${name} (${device.device}) has no such operation.`,
    todo: 'Nothing was done.',
    errno: 'ENOTTY',
    details: { head: head.name, path: name, command: what },
  })
}

/** The device answered with an error, or the adapter threw. */
export function failed(
  { name, head }: PathRuntime,
  what: string,
  errno: string | null,
  cause?: unknown,
): PathledgerError {
  const said = errno ?? messageOf(cause)
  return new PathledgerError('IOCTL_FAILED', {
    message: `${head.name}: ${what} failed with ${said}.`,
    why: `The device of ${name} gave this answer. No other path was tried, because the command may have been carried out.`,
    todo: 'Decide whether it may be carried out twice; if so, send it again.',
    errno: errno ?? 'EIO',
    outcome: 'unknown',
    details: { head: head.name, path: name, command: what },
    ...(cause === undefined ? {} : { cause }),
  })
}

function tookTooLong({ name, head, core }: PathRuntime, what: string): PathledgerError {
  return new PathledgerError('IOCTL_FAILED', {
    message: `${head.name}: ${what} has not come back within ${core.settings.attemptTimeoutMs} ms.`,
    why: `The device of ${name} still has it, and may still carry it out.`,
    todo: 'Check the path. The limit is attemptTimeoutMs.',
    errno: 'ETIMEDOUT',
    outcome: 'unknown',
    details: { head: head.name, path: name, command: what },
  })
}
