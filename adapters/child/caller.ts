// Requests to a child process, and what becomes of them when it does not answer.
import { PathledgerError } from '../../errors.ts'
import type { Clock, TimerHandle } from '../ports.ts'
import type { Head } from './frames.ts'
import { startPeer } from './spawn.ts'
import type { Peer } from './spawn.ts'

/** Children of one path that were given up on and have not ended yet, at most; beyond it nothing new is started. */
export const ABANDONED_MAX = 4

/** How long a close waits for its child's end, which takes milliseconds unless the child hangs in the kernel. */
export const CHILD_END_MS = 500

/** What a child answered, or why it did not. */
export interface Reply {
  /** null when the child did what it was asked to. */
  readonly errno: string | null
  /** The child was given up on while it may have been at it. */
  readonly abandoned: boolean
  readonly head: Head
  readonly data: Uint8Array
}

interface Pending {
  readonly settle: (reply: Reply) => void
  readonly timer: TimerHandle | null
}

interface Child {
  readonly peer: Peer
  readonly pending: Map<number, Pending>
}

const NO_DATA = new Uint8Array(0)

/** Starts its child with the first request, and another one with the next after the child was lost or given up. */
export class Caller {
  readonly #clock: Clock
  readonly #fd: number | null
  readonly #running = new Set<Peer>()
  /** Children that were lost with something under way, and what to do when they are gone. */
  readonly #dying = new Map<Peer, () => void>()
  readonly #onEmpty: (() => void)[] = []
  #child: Child | null = null
  #lastId = 0
  #closed = false

  /** `fd` is the child's device, or null. */
  constructor(clock: Clock, fd: number | null) {
    this.#clock = clock
    this.#fd = fd
  }

  /** Children that run, those that were given up on and hang included. */
  get running(): number {
    return this.#running.size
  }

  /**
   * Asks the child. `settle` is called once and never inside this call. After `timeoutMs`, unless it is null, the child is
   * killed without waiting for its end, and all that it had under way is ETIMEDOUT and abandoned.
   */
  ask(head: Head, data: Uint8Array | null, timeoutMs: number | null, settle: (reply: Reply) => void): void {
    const child = this.#closed ? null : this.#ready()
    if (child === null) {
      const errno = this.#closed ? 'EBADF' : 'ETIMEDOUT'
      return queueMicrotask(() => settle({ errno, abandoned: false, head: {}, data: NO_DATA }))
    }
    this.#lastId += 1
    const id = this.#lastId
    const timer =
      timeoutMs === null
        ? null
        : this.#clock.setTimer(this.#clock.monoUs() + timeoutMs * 1000, () => {
            this.#giveUp(child, 'ETIMEDOUT')
          })
    child.pending.set(id, { settle, timer })
    child.peer.keepAlive(true)
    child.peer.send({ ...head, id }, data)
  }

  /** Kills the child. Waits for its end, and so for the descriptors it shares, but not for long. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#child !== null) this.#giveUp(this.#child, 'ECANCELED')
    if (this.#running.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimer(this.#clock.monoUs() + CHILD_END_MS * 1000, resolve)
      this.#onEmpty.push(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  /** The child, started where there is none; null when too many hang already. */
  #ready(): Child | null {
    if (this.#child !== null) return this.#child
    if (this.#running.size >= ABANDONED_MAX) return null
    const pending = new Map<number, Pending>()
    const peer: Peer = startPeer(this.#fd, {
      onFrame: (head, data) => this.#answered(child, head, data),
      onLost: (errno) => this.#lost(child, errno),
      onExit: () => this.#ended(peer),
    })
    const child: Child = { peer, pending }
    this.#running.add(peer)
    this.#child = child
    return child
  }

  #answered(child: Child, head: Head, data: Uint8Array): void {
    const id = head.id as number
    const pending = child.pending.get(id)
    if (pending === undefined) return
    child.pending.delete(id)
    pending.timer?.cancel()
    if (child.pending.size === 0) child.peer.keepAlive(false)
    pending.settle({ errno: (head.errno as string | null | undefined) ?? null, abandoned: false, head, data })
  }

  #giveUp(child: Child, errno: string): void {
    if (this.#child === child) this.#child = null
    child.peer.kill()
    this.#settle(child, errno, true)
  }

  /**
   * Somebody killed it, or it crashed. Its end is waited for, which comes at once unless it hangs in the kernel: a process that
   * is gone has nothing there any more, and so nothing of what it was asked can still happen.
   */
  #lost(child: Child, errno: string): void {
    if (this.#child === child) this.#child = null
    child.peer.kill()
    if (child.pending.size === 0) return
    const timer = this.#clock.setTimer(this.#clock.monoUs() + CHILD_END_MS * 1000, () =>
      this.#settle(child, errno, true),
    )
    this.#dying.set(child.peer, () => {
      timer.cancel()
      this.#settle(child, errno, false)
    })
  }

  #settle(child: Child, errno: string, abandoned: boolean): void {
    this.#dying.delete(child.peer)
    const pending = [...child.pending.values()]
    child.pending.clear()
    for (const { timer } of pending) timer?.cancel()
    for (const { settle } of pending) settle({ errno, abandoned, head: {}, data: NO_DATA })
  }

  #ended(peer: Peer): void {
    this.#running.delete(peer)
    this.#dying.get(peer)?.()
    if (this.#running.size === 0) for (const tell of this.#onEmpty.splice(0)) tell()
  }
}

/** HELPER_TIMEOUT or HELPER_LOST: a child did not answer. */
export function noAnswer(what: string, reply: Reply): PathledgerError {
  const timedOut = reply.errno === 'ETIMEDOUT'
  return new PathledgerError(timedOut ? 'HELPER_TIMEOUT' : 'HELPER_LOST', {
    message: `No answer came to ${what}.`,
    why: timedOut
      ? 'The kernel has not answered in time: the server behind the device hangs, or is very slow.'
      : `The helper process ended before it answered (${reply.errno}).`,
    todo: 'Look at the server behind the device, and try again.',
    ...(reply.errno === null ? {} : { errno: reply.errno }),
    outcome: reply.abandoned ? 'unknown' : 'failed',
  })
}
