// The kernel's log as it grows: /dev/kmsg, a record a read. None of these reads waits.
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { errnoOf } from '../errno.ts'

/** Bytes of one record at most: the kernel's own bound. */
const RECORD_BYTES = 8192
/** Records taken at once: a storm of them takes turns with everything else. */
export const RECORDS_A_TURN = 2_000

/** What came of a turn. */
export interface KmsgTurn {
  readonly records: readonly string[]
  /** The kernel overwrote records before they were read. */
  readonly lost: boolean
}

/** Calls that reading needs. A test has its own. */
export interface KmsgCalls {
  readonly open: () => number
  /** The length of the record that was read; throws EAGAIN where there is none, EPIPE where some were overwritten. */
  readonly read: (fd: number, into: Uint8Array) => number
  readonly close: (fd: number) => void
}

const MACHINE: KmsgCalls = {
  open: () => openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK),
  read: (fd, into) => readSync(fd, into, 0, into.length, null),
  close: closeSync,
}

/** The kernel's log from its oldest record on. */
export class Kmsg {
  readonly #calls: KmsgCalls
  readonly #fd: number
  readonly #into = new Uint8Array(RECORD_BYTES)

  private constructor(calls: KmsgCalls, fd: number) {
    this.#calls = calls
    this.#fd = fd
  }

  /** Opens it, or answers the name of the error. */
  static open(calls: KmsgCalls = MACHINE): Kmsg | string {
    try {
      return new Kmsg(calls, calls.open())
    } catch (error) {
      return errnoOf(error)
    }
  }

  take(): KmsgTurn {
    const records: string[] = []
    let lost = false
    while (records.length < RECORDS_A_TURN) {
      try {
        const length = this.#calls.read(this.#fd, this.#into)
        records.push(Buffer.from(this.#into.subarray(0, length)).toString('latin1').replace(/\n$/, ''))
      } catch (error) {
        const errno = errnoOf(error)
        if (errno !== 'EPIPE') break
        lost = true
      }
    }
    return { records, lost }
  }

  close(): void {
    this.#calls.close(this.#fd)
  }
}
