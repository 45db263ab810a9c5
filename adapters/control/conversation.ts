// One connection to the control socket: a line at a time is read, answered, and only then the next one.
import type { Socket } from 'node:net'
import { messageOf, PathledgerError } from '../../errors.ts'
import type { Clock, TimerHandle } from '../ports.ts'
import { isRefusal, LINE_MAX, parseRequest } from './frames.ts'
import type { ControlAnswer, ControlError, ControlPending, ControlRequest } from './frames.ts'
import { peerUid } from './peer.ts'

/** Answers a request, at once or later. `actor` is 'operator:<uid>'. May throw, or reject with, a PathledgerError. */
export type ControlHandler = (request: ControlRequest, actor: string) => unknown

/** While an answer is not there yet, whoever asked hears so often that the engine lives. */
export const PENDING_US = 1_000_000

export class Conversation {
  readonly #socket: Socket
  readonly #handler: ControlHandler
  readonly #clock: Clock
  readonly #actor: string
  readonly #spoke: () => void
  #rest = ''
  #answering = false
  #heardAll = false

  /** `spoke` is called after each answer. */
  constructor(socket: Socket, handler: ControlHandler, clock: Clock, spoke: () => void) {
    this.#socket = socket
    this.#handler = handler
    this.#clock = clock
    this.#spoke = spoke
    const uid = peerUid(socket)
    this.#actor = `operator:${uid === null ? 'unknown' : uid}`
    socket.setEncoding('utf8')
    socket.unref()
    socket.on('error', () => socket.destroy())
    socket.on('drain', () => this.#next())
    // A peer that has said all it will is answered all the same: the server leaves its half open.
    socket.on('end', () => {
      this.#heardAll = true
      this.#next()
    })
    socket.on('data', (text: string) => {
      this.#rest += text
      this.#next()
    })
  }

  /** True while the peer waits for us, and not we for the peer. */
  get isAnswering(): boolean {
    return this.#answering
  }

  end(): void {
    this.#socket.destroy()
  }

  /** What waits is bounded: while an answer is under way, or waits to be read, nothing more is read from the peer. */
  #next(): void {
    if (this.#answering || this.#socket.destroyed) return
    if (this.#socket.writableNeedDrain) return void this.#socket.pause()
    const end = this.#rest.indexOf('\n')
    if (end < 0) return this.#listen()
    const line = this.#rest.slice(0, end)
    this.#rest = this.#rest.slice(end + 1)
    this.#answering = true
    this.#socket.pause()
    void this.#answer(line).then((answer) => {
      this.#answering = false
      this.#say(answer)
      this.#spoke()
      this.#next()
    })
  }

  #listen(): void {
    if (this.#heardAll) this.#socket.end()
    else if (this.#rest.length > LINE_MAX) this.end()
    else this.#socket.resume()
  }

  async #answer(line: string): Promise<ControlAnswer> {
    if (line.length > LINE_MAX) return { ok: false, error: TOO_LONG }
    const request = parseRequest(line)
    if (isRefusal(request)) return { ok: false, error: request }
    const stop = this.#tellThatWeLive()
    try {
      const answered = this.#handler(request, this.#actor)
      return { ok: true, result: answered instanceof Promise ? await answered : answered }
    } catch (error) {
      return { ok: false, error: inWords(error) }
    } finally {
      stop()
    }
  }

  /** Until it is stopped. */
  #tellThatWeLive(): () => void {
    const timing = { timer: NO_TIMER }
    const arm = () => {
      timing.timer = this.#clock.setTimer(this.#clock.monoUs() + PENDING_US, () => {
        this.#say({ pending: true })
        arm()
      })
    }
    arm()
    return () => timing.timer.cancel()
  }

  #say(line: ControlAnswer | ControlPending): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(line)}\n`)
  }
}

const NO_TIMER: TimerHandle = { cancel: () => undefined }

const TOO_LONG: ControlError = {
  code: 'CONTROL_REQUEST',
  message: 'The request is too long.',
  why: `A line has at most ${LINE_MAX} characters.`,
  todo: 'Release ghosts in parts.',
  errno: 'EMSGSIZE',
}

/** What is no error of ours is a bug of ours: whoever asked is told, and the engine goes on. */
function inWords(error: unknown): ControlError {
  if (error instanceof PathledgerError) {
    const { code, message, why, todo, errno } = error
    return { code, message, why, todo, errno }
  }
  const why = messageOf(error)
  return {
    code: 'ENGINE_FAULT',
    message: 'The engine failed while it handled this request.',
    why,
    todo: 'This is a bug of pathledger: report it with the ledger.',
    errno: null,
  }
}
