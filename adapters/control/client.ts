// The other end of the control socket: one request, one answer, with a time limit.
import { connect } from 'node:net'
import { PathledgerError } from '../../errors.ts'
import type { Clock } from '../ports.ts'
import type { ControlAnswer, ControlRequest } from './frames.ts'

/** How long an engine may take to answer; it answers while its paths hang, so more than this is a dead one. */
const ANSWER_US = 5_000_000

/**
 * Asks a running engine and resolves with its result. Rejects with the engine's own error, CONTROL_NOT_RUNNING when nobody
 * listens, CONTROL_PERMISSION, or CONTROL_NO_ANSWER.
 */
export function askEngine(file: string, request: ControlRequest, clock: Clock): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect(file)
    let text = ''
    const timer = clock.setTimer(clock.monoUs() + ANSWER_US, () => end(() => reject(noAnswer(file))))
    const end = (settle: () => void) => {
      timer.cancel()
      socket.destroy()
      settle()
    }
    socket.setEncoding('utf8')
    socket.once('connect', () => socket.write(`${JSON.stringify(request)}\n`))
    socket.on('data', (chunk: string) => {
      text += chunk
      const at = text.indexOf('\n')
      if (at < 0) return
      const answer = JSON.parse(text.slice(0, at)) as ControlAnswer
      end(() => {
        if (answer.ok) resolve(answer.result)
        else reject(theirs(answer.error))
      })
    })
    socket.once('error', (error: NodeJS.ErrnoException) => end(() => reject(unreachable(file, error))))
    socket.once('end', () => end(() => reject(noAnswer(file))))
  })
}

function theirs(error: Extract<ControlAnswer, { ok: false }>['error']): PathledgerError {
  const { code, message, why, todo, errno } = error
  const short = message.slice(0, Math.max(0, message.length - why.length - todo.length - 2))
  return new PathledgerError(code, {
    message: short === '' ? message : short,
    why,
    todo,
    ...(errno === null ? {} : { errno }),
  })
}

function unreachable(file: string, { code = 'EIO', message }: NodeJS.ErrnoException): PathledgerError {
  if (code === 'EACCES' || code === 'EPERM') {
    return new PathledgerError('CONTROL_PERMISSION', {
      message: `You may not use the control socket ${file}.`,
      why: 'It belongs to the user of the engine, mode 0600.',
      todo: 'Ask as that user, or as root.',
      errno: code,
    })
  }
  return new PathledgerError('CONTROL_NOT_RUNNING', {
    message: `No engine listens on ${file}.`,
    why: message,
    todo: "Start one with the option controlSocket, or look at its ledger: 'pathledger show FILE'.",
    errno: code,
  })
}

function noAnswer(file: string): PathledgerError {
  return new PathledgerError('CONTROL_NO_ANSWER', {
    message: `The engine behind ${file} does not answer.`,
    why: 'It took the connection and said nothing in time.',
    todo: 'Its process may be stopped: look at it.',
    errno: 'ETIMEDOUT',
  })
}
