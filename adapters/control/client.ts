// The other end of the control socket: one request, one answer, with a time limit.
import { argumentInvalid, checkArguments, checkFields } from '../../errors/arguments.ts'
import { connect } from 'node:net'
import { messageOf, PathledgerError } from '../../errors.ts'
import type { Clock } from '../ports.ts'
import type { ControlAnswer, ControlPending, ControlRequest } from './frames.ts'

/** How long an engine may say nothing. It answers while its paths hang, and says each second when an answer takes longer. */
const SILENCE_US = 5_000_000

/**
 * Asks a running engine and resolves with its result, however long the engine is at it. Rejects with the engine's own error,
 * CONTROL_NOT_RUNNING when nobody listens, CONTROL_PERMISSION, or CONTROL_NO_ANSWER.
 */
export async function askEngine(file: string, request: ControlRequest, clock: Clock): Promise<unknown> {
  checkArguments('askEngine', { file, clock }, { file: 'file', clock: 'clock' })
  checkFields('askEngine', 'request', request, { verb: 'text' })
  const asked = asText(request)
  return new Promise((resolve, reject) => {
    const socket = connect(file)
    let text = ''
    const arm = () => clock.setTimer(clock.monoUs() + SILENCE_US, () => end(() => reject(noAnswer(file))))
    let timer = arm()
    const end = (settle: () => void) => {
      timer.cancel()
      socket.destroy()
      settle()
    }
    const hear = (line: string) => {
      const answer = answerFrom(line)
      if (answer === null) end(() => reject(noAnswer(file)))
      else if ('pending' in answer) {
        timer.cancel()
        timer = arm()
      } else if (answer.ok) end(() => resolve(answer.result))
      else end(() => reject(theirs(answer.error)))
    }
    socket.setEncoding('utf8')
    socket.once('connect', () => socket.write(`${asked}\n`))
    socket.on('data', (chunk: string) => {
      text += chunk
      for (let at = text.indexOf('\n'); at >= 0 && !socket.destroyed; at = text.indexOf('\n')) {
        const line = text.slice(0, at)
        text = text.slice(at + 1)
        hear(line)
      }
    })
    socket.once('error', (error: NodeJS.ErrnoException) => end(() => reject(unreachable(file, error))))
    socket.once('end', () => end(() => reject(noAnswer(file))))
  })
}

/** A request with what JSON does not have (a bigint, a circle) cannot be sent. */
function asText(request: ControlRequest): string {
  try {
    return JSON.stringify(request)
  } catch (error) {
    throw argumentInvalid('askEngine', `request is not JSON: ${messageOf(error)}.`)
  }
}

/** Null for what no engine of ours says. */
function answerFrom(line: string): ControlAnswer | ControlPending | null {
  try {
    const answer: unknown = JSON.parse(line)
    const known = typeof answer === 'object' && answer !== null && ('ok' in answer || 'pending' in answer)
    return known ? (answer as ControlAnswer | ControlPending) : null
  } catch {
    return null
  }
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
      todo: 'Run the command as that user or as root.',
      errno: code,
    })
  }
  return new PathledgerError('CONTROL_NOT_RUNNING', {
    message: `No engine is listening on ${file}.`,
    why: message,
    todo: "Start one with the option controlSocket, or read its ledger: 'pathledger show FILE'.",
    errno: code,
  })
}

function noAnswer(file: string): PathledgerError {
  return new PathledgerError('CONTROL_NO_ANSWER', {
    message: `The engine that owns ${file} does not answer.`,
    why: 'It accepted the connection, but gave no answer in time, or not the answer of an engine.',
    todo: 'Check its process: it may be stopped.',
    errno: 'ETIMEDOUT',
  })
}
