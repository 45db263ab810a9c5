// The fs backend in a child process per path: slower than a ring, and as safe when a path hangs. What hangs is the child.
import { completeSoon, failed } from '../completions.ts'
import type { Clock, IoBackend, IoCompletion, IoDone, IoRequest } from '../ports.ts'
import { Fifo } from '../uring/fifo.ts'
import { Caller } from './caller.ts'
import type { Reply } from './caller.ts'

/** I/Os that one child has at most; the others wait here, in order. */
export const CHILD_IN_FLIGHT_MAX = 64

/** A backend with processes of its own. */
export interface ChildBackend extends IoBackend {
  readonly inFlightMax: number
  close(): Promise<void>
}

interface Waiting {
  readonly request: IoRequest
  readonly done: IoDone
}

/**
 * The backend 'child-fs': each descriptor gets a child process with the first I/O on it, which does reads, writes and
 * flushes by node:fs, discards and zeroings by ioctl or fallocate. The data goes through a pipe. A hung I/O holds a thread
 * of the child only; the child dies with this process, or by `close`, when what it had is completed as abandoned.
 */
export function childBackend({ clock }: { readonly clock: Clock }): ChildBackend {
  const children = new Map<number, ChildIo>()
  let closed = false
  return {
    name: 'child-fs',
    isolatesExit: true,
    inFlightMax: CHILD_IN_FLIGHT_MAX,
    submit: (fd, request, done) => {
      if (closed) return completeSoon(done, failed('EBADF'))
      if (!isSendable(fd, request)) return completeSoon(done, failed('EINVAL'))
      const child = children.get(fd) ?? new ChildIo(new Caller(clock, fd))
      children.set(fd, child)
      child.submit(request, done)
    },
    close: async () => {
      closed = true
      await Promise.all([...children.values()].map((child) => child.close()))
    },
  }
}

class ChildIo {
  readonly #caller: Caller
  readonly #waiting = new Fifo<Waiting>()
  #inFlight = 0

  constructor(caller: Caller) {
    this.#caller = caller
  }

  submit(request: IoRequest, done: IoDone): void {
    this.#waiting.push({ request, done })
    this.#pump()
  }

  close(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      completeSoon(next.done, failed('ECANCELED'))
    }
    return this.#caller.close()
  }

  #pump(): void {
    while (this.#inFlight < CHILD_IN_FLIGHT_MAX) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      // Its memory may have been taken away while it waited.
      if (!isSendable(0, next.request)) {
        completeSoon(next.done, failed('EFAULT'))
        continue
      }
      this.#inFlight += 1
      askIo(this.#caller, next.request, null, (completion) => {
        this.#inFlight -= 1
        this.#pump()
        next.done(completion)
      })
    }
  }
}

/** Has a child do one I/O; a read's bytes end up in the request's own memory, unless the child was given up before. */
export function askIo(caller: Caller, request: IoRequest, timeoutMs: number | null, done: IoDone): void {
  const { op, offset, length, fua, data } = request
  const payload = op === 'write' && data !== null ? data.subarray(0, length) : null
  caller.ask({ op, offset, length, fua }, payload, timeoutMs, (reply) => {
    if (op === 'read' && reply.errno === null) data?.set(reply.data)
    done(completionOf(reply))
  })
}

function completionOf({ errno, abandoned, head }: Reply): IoCompletion {
  if (errno !== null) return { ...failed(errno), ...(abandoned ? { abandoned } : {}) }
  return { errno: null, status: null, bytes: head.bytes as number }
}

/** True for what a child can be asked. */
export function isSendable(fd: number, { op, offset, length, data }: IoRequest): boolean {
  if (fd < 0 || !Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(length) || length < 0) {
    return false
  }
  return op === 'read' || op === 'write' ? data !== null && data.byteLength >= length : data === null
}
