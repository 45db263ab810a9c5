// Operations that are passed through to a path's device: one path, chosen by the policy, and no other. A retry elsewhere
// could do twice what must be done once, so whatever the device answers goes to the caller, and says nothing of the path.
import type { PathDevice } from '../adapters/ports.ts'
import { UNIQUE_ID_TYPES, type UniqueIdType } from '../adapters/unique-id.ts'
import { PathledgerError } from '../errors.ts'
import { usOfMs } from './core.ts'
import type { HeadRuntime } from './head-runtime.ts'
import { headGoneError } from './io-errors.ts'
import { nodeRefusal } from './numa.ts'
import type { PathRuntime } from './path-runtime.ts'
import { selectPath } from './select.ts'

/** An ioctl as a caller asks for it. */
export interface IoctlOptions {
  /** The kernel's name of it: 'BLKGETSIZE64'. */
  readonly command: string
  /** Bytes of its argument. Default none. */
  readonly argument?: Uint8Array
  /** NUMA node of the submitter; default 0. */
  readonly node?: number
  /** The caller may send raw commands (CAP_SYS_RAWIO): only then may an ioctl go through a partition. Default false. */
  readonly rawIo?: boolean
}

/** What an ioctl answered: the value it returned, and what it filled in. */
export interface IoctlResult {
  readonly value: number
  readonly data: Uint8Array
}

/** Where a disk's bytes lie, as HDIO_GETGEO says (`struct hd_geometry`). */
export interface DiskGeometry {
  readonly heads: number
  readonly sectors: number
  readonly cylinders: number
  /** First sector; 0 for a whole disk. */
  readonly start: number
}

/** Passes an ioctl through. Through a partition it needs `rawIo`: the device would answer for the whole disk (D-52). */
export async function passIoctl(
  head: HeadRuntime,
  {
    command,
    argument = null,
    node = 0,
    rawIo = false,
  }: Omit<IoctlOptions, 'argument'> & { argument?: Uint8Array | null },
  isPartition: boolean,
): Promise<IoctlResult> {
  if (isPartition && !rawIo) throw notThroughPartition(head, command)
  const { path, answer } = await onOnePath(head, command, node, (device) =>
    device.ioctl?.({ command, argument }),
  )
  const { errno, value, data } = answer
  if (errno === null) return { value, data }
  throw errno === 'ENOTTY' ? notThere(path, command) : failed(path, command, errno)
}

/** The geometry, from HDIO_GETGEO of one path. */
export async function getGeometry(head: HeadRuntime, node: number): Promise<DiskGeometry> {
  const { data } = await passIoctl(head, { command: 'HDIO_GETGEO', node }, false)
  if (data.length < GEOMETRY_BYTES) return { heads: 0, sectors: 0, cylinders: 0, start: 0 }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  return {
    heads: view.getUint8(0),
    sectors: view.getUint8(1),
    cylinders: view.getUint16(2, true),
    start: Number(view.getBigUint64(8, true)),
  }
}

const GEOMETRY_BYTES = 16

/** The LUN's unique id by one path; empty where the device cannot tell, or has none of this kind. */
export async function getUniqueId(head: HeadRuntime, type: UniqueIdType, node: number): Promise<Uint8Array> {
  if (!UNIQUE_ID_TYPES.includes(type)) {
    throw new PathledgerError('UNIQUE_ID_TYPE', {
      message: `'${type}' is no kind of unique id.`,
      why: `The kinds are ${UNIQUE_ID_TYPES.join(', ')}.`,
      todo: 'Use one of them.',
      errno: 'EINVAL',
    })
  }
  const none = () => Promise.resolve(new Uint8Array(0))
  const { answer } = await onOnePath(head, 'getUniqueId', node, (device) => device.uniqueId?.(type) ?? none())
  return answer
}

/** Starts something on a device; undefined where the device cannot do it. */
type Operation<Answer> = (device: PathDevice) => Promise<Answer> | undefined

/**
 * Chooses a path and does it there. The path is kept alive meanwhile: its device is not closed before the operation has
 * come back (D-54), also when its caller was told before that it took too long.
 */
async function onOnePath<Answer>(
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
    started = operation(path.device)
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
    message: `${head.name}: ${what} has no path to go down.`,
    why: `None of its ${head.paths.length} paths is usable now, and what is passed through does not wait for one.`,
    todo: 'Try again when a path is back.',
    errno: 'EWOULDBLOCK',
    details: { head: head.name, command: what },
  })
}

function notThere({ name, head, device }: PathRuntime, what: string): PathledgerError {
  return new PathledgerError('IOCTL_UNSUPPORTED', {
    message: `${head.name}: there is no ${what} here.`,
    why: `The device of ${name} (${device.device}) has no such operation.`,
    todo: 'Nothing was done.',
    errno: 'ENOTTY',
    details: { head: head.name, path: name, command: what },
  })
}

function notThroughPartition(head: HeadRuntime, what: string): PathledgerError {
  return new PathledgerError('IOCTL_PARTITION', {
    message: `${head.name}: ${what} is not passed on through a partition.`,
    why: 'The device of a path is the whole disk, and would answer and act beyond the partition.',
    todo: 'Ask the head, or say rawIo: true if the caller may send raw commands.',
    errno: 'ENOIOCTLCMD',
    details: { head: head.name, command: what },
  })
}

function failed(
  { name, head }: PathRuntime,
  what: string,
  errno: string | null,
  cause?: unknown,
): PathledgerError {
  const said = errno ?? (cause instanceof Error ? cause.message : String(cause))
  return new PathledgerError('IOCTL_FAILED', {
    message: `${head.name}: ${what} failed with ${said}.`,
    why: `The device of ${name} answered so. It was not tried on another path, for it might have been done.`,
    todo: 'Decide whether it may be done again, and do it again.',
    errno: errno ?? 'EIO',
    outcome: 'unknown',
    details: { head: head.name, path: name, command: what },
    ...(cause === undefined ? {} : { cause }),
  })
}

function tookTooLong({ name, head, core }: PathRuntime, what: string): PathledgerError {
  return new PathledgerError('IOCTL_FAILED', {
    message: `${head.name}: ${what} has not come back within ${core.settings.attemptTimeoutMs} ms.`,
    why: `The device of ${name} still has it, and may still do it.`,
    todo: 'Look at the path; attemptTimeoutMs is the limit.',
    errno: 'ETIMEDOUT',
    outcome: 'unknown',
    details: { head: head.name, path: name, command: what },
  })
}
