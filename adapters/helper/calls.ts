// What a helper process does besides I/O: calls that wait for the server behind a device. They run in the child.
import type { ErrorCode } from '../../errors/codes.ts'
import { messageOf, PathledgerError } from '../../errors.ts'
import { blockStack } from '../block-stack.ts'
import { errorsAreFinalOn } from '../final-errors.ts'
import { attachHere, detachHere } from '../loop/control.ts'
import type { AttachSettings } from '../loop/control.ts'
import { readLoopStatus } from '../loop/status.ts'
import type { LoopStatus } from '../loop/status.ts'

/** What a loop device's driver and the files below it say. */
export interface LoopInspection {
  readonly status: LoopStatus
  /** An error from it means that nothing more will happen. */
  readonly errorsAreFinal: boolean
}

/** An attached device; the child that attached it keeps it attached. */
export interface Attachment {
  readonly device: string
  readonly number: number
  readonly label: string
}

/** Each call: what it is given and what it answers. */
export interface HelperCalls {
  readonly inspectLoop: { readonly given: { readonly device: string }; readonly answer: LoopInspection }
  readonly attach: { readonly given: AttachSettings; readonly answer: Attachment }
  readonly detach: { readonly given: { readonly device: string }; readonly answer: null }
}

/** The name of a call. */
export type CallName = keyof HelperCalls

type Calls = {
  readonly [Name in CallName]: (
    given: HelperCalls[Name]['given'],
    fd: number,
  ) => Promise<HelperCalls[Name]['answer']>
}

const CALLS: Calls = {
  inspectLoop: async ({ device }, fd) => {
    const status = readLoopStatus(fd)
    return { status, errorsAreFinal: isBackedBy(device, status.inode) && errorsAreFinalOn(device) }
  },
  attach: async (settings) => {
    const { device, number, label } = await attachHere(settings)
    return { device, number, label }
  },
  detach: async ({ device }) => {
    await detachHere(device)
    return null
  },
}

/** True when the file that sysfs names is the one the driver uses: its name may mean another file by now, or here. */
function isBackedBy(device: string, inode: string): boolean {
  return blockStack(device).find(({ kind }) => kind === 'file')?.id === inode
}

/** An error of ours as it crosses the channel. */
export interface ErrorOnTheWire {
  readonly code: ErrorCode
  readonly message: string
  readonly why: string
  readonly todo: string
  readonly errno: string | null
}

export function isCallName(name: unknown): name is CallName {
  return typeof name === 'string' && name in CALLS
}

/** In the child: does a call. Never rejects. */
export async function answerCall(
  name: CallName,
  given: unknown,
  fd: number,
): Promise<{ readonly value: unknown } | { readonly error: ErrorOnTheWire }> {
  try {
    return { value: await CALLS[name](given as never, fd) }
  } catch (error) {
    return { error: toWire(error) }
  }
}

function toWire(error: unknown): ErrorOnTheWire {
  if (!(error instanceof PathledgerError)) {
    const why = messageOf(error)
    return { code: 'HELPER_FAILED', message: 'A helper process failed.', why, todo: '', errno: null }
  }
  const { code, message, why, todo, errno } = error
  // The message ends with the other two, which it is put together with again on the other side.
  return { code, message: message.slice(0, -`${why} ${todo}`.length).trim(), why, todo, errno }
}

/** In the parent: the error that the child threw. */
export function fromWire({ code, errno, ...parts }: ErrorOnTheWire): PathledgerError {
  return new PathledgerError(code, { ...parts, ...(errno === null ? {} : { errno }) })
}
