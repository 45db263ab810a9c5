// The control socket: a Unix socket of mode 0600 beside a running engine. It lives in the main process, touches no path
// and no disk, and so answers while any number of paths hang. Who asks is known by the kernel's word on the peer.
import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { PathledgerError } from '../../errors.ts'
import { isRefusal, LINE_MAX, parseRequest, type ControlAnswer, type ControlRequest } from './frames.ts'
import { peerUid } from './peer.ts'

/** Connections at once; one more is closed without a word. */
const CONNECTIONS_MAX = 32

/** Answers a request. `actor` is 'operator:<uid>'. May throw a PathledgerError. */
export type ControlHandler = (request: ControlRequest, actor: string) => unknown

export interface ControlServer {
  /** Stops listening, ends every connection and removes the socket. */
  close(): Promise<void>
}

/**
 * Listens on `file`. A socket that nobody listens on any more is replaced; one that answers is not (CONTROL_IN_USE), nor
 * is a file that is no socket (CONTROL_NOT_A_SOCKET).
 */
export async function serveControl(file: string, handler: ControlHandler): Promise<ControlServer> {
  await clearStale(file)
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    if (open.size >= CONNECTIONS_MAX) return void socket.destroy()
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => socket.destroy())
    serve(socket, handler)
  })
  await listen(server, file)
  // An idle control socket does not keep the engine's process alive.
  server.unref()
  return {
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

function serve(socket: Socket, handler: ControlHandler): void {
  const uid = peerUid(socket)
  const actor = `operator:${uid === null ? 'unknown' : uid}`
  let rest = ''
  socket.setEncoding('utf8')
  socket.unref()
  // Answers wait in our memory: who asks and does not read is not read either, until he has.
  const answerAll = () => {
    let end = rest.indexOf('\n')
    while (end >= 0) {
      const line = rest.slice(0, end)
      rest = rest.slice(end + 1)
      if (!socket.write(`${JSON.stringify(answer(line, handler, actor))}\n`)) return void socket.pause()
      end = rest.indexOf('\n')
    }
    if (rest.length > LINE_MAX) socket.destroy()
  }
  socket.on('drain', () => {
    socket.resume()
    answerAll()
  })
  socket.on('data', (text: string) => {
    rest += text
    if (!socket.isPaused()) answerAll()
  })
}

function answer(line: string, handler: ControlHandler, actor: string): ControlAnswer {
  if (line.length > LINE_MAX) return { ok: false, error: { ...TOO_LONG } }
  const request = parseRequest(line)
  if (isRefusal(request)) return { ok: false, error: request }
  try {
    return { ok: true, result: handler(request, actor) }
  } catch (error) {
    if (!(error instanceof PathledgerError)) throw error
    const { code, message, why, todo, errno } = error
    return { ok: false, error: { code, message, why, todo, errno } }
  }
}

const TOO_LONG = {
  code: 'CONTROL_REQUEST',
  message: 'The request is too long.',
  why: `A line has at most ${LINE_MAX} characters.`,
  todo: 'Release ghosts in parts.',
  errno: 'EMSGSIZE',
}

function listen(server: Server, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(unusable(file, error.message)))
    server.listen(file, () => {
      // The folder decides who may come as far as the socket; the mode, who may connect.
      chmodSync(file, 0o600)
      resolve()
    })
  })
}

/** Removes a socket that a dead engine left. */
async function clearStale(file: string): Promise<void> {
  const found = lstatSync(file, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) {
    throw new PathledgerError('CONTROL_NOT_A_SOCKET', {
      message: `${file} is there and is not a socket.`,
      why: 'The control socket would replace it.',
      todo: 'Name another place for the control socket.',
      errno: 'EEXIST',
    })
  }
  if (await somebodyListens(file)) {
    throw new PathledgerError('CONTROL_IN_USE', {
      message: `Another engine listens on ${file}.`,
      why: 'Each engine has a control socket of its own.',
      todo: 'Name another place for the control socket, or stop that engine.',
      errno: 'EADDRINUSE',
    })
  }
  rmSync(file)
}

function somebodyListens(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(file)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
}

function unusable(file: string, why: string): PathledgerError {
  return new PathledgerError('CONTROL_SOCKET', {
    message: `The control socket ${file} cannot be opened.`,
    why,
    todo: 'Check that its folder exists and may be written to; a socket name has at most 107 bytes.',
    errno: 'EIO',
  })
}
