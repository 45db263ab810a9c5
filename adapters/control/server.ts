// The control socket: a Unix socket of mode 0600 beside a running engine. It lives in the main process, touches no path
// and no disk, and so answers while any number of paths hang. Who asks is known by the kernel's word on the peer.
import { lstatSync, rmSync, type Stats } from 'node:fs'
import { connect, createServer } from 'node:net'
import { PathledgerError } from '../../errors.ts'
import type { Clock } from '../ports.ts'
import { Conversation, type ControlHandler } from './conversation.ts'
import { inUse, listenPrivately } from './listen.ts'

export type { ControlHandler } from './conversation.ts'

/** Connections at once. One more ends the one that has been silent longest; when none is silent it is closed itself. */
export const CONNECTIONS_MAX = 32

export interface ControlServer {
  /** Stops listening, ends every connection and removes the socket. */
  close(): Promise<void>
}

/**
 * Listens on `file`. A socket that nobody listens on any more is replaced; one that answers is not (CONTROL_IN_USE), nor
 * is a file that is no socket (CONTROL_NOT_A_SOCKET).
 */
export async function serveControl(
  file: string,
  handler: ControlHandler,
  clock: Clock,
): Promise<ControlServer> {
  await clearStale(file)
  /** Whoever asked last is last. */
  const open = new Set<Conversation>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (open.size >= CONNECTIONS_MAX && !endSilent(open)) return void socket.destroy()
    const conversation = new Conversation(socket, handler, clock, () => {
      open.delete(conversation)
      open.add(conversation)
    })
    open.add(conversation)
    socket.on('close', () => open.delete(conversation))
  })
  const remove = await listenPrivately(server, file)
  // An idle control socket does not keep the engine's process alive.
  server.unref()
  return {
    close: () =>
      new Promise((resolve) => {
        for (const conversation of open) conversation.end()
        remove()
        server.close(() => resolve())
      }),
  }
}

/** Makes room: nobody may keep the operator out by connecting and saying nothing. False when everybody waits for us. */
function endSilent(open: Set<Conversation>): boolean {
  for (const conversation of open) {
    if (conversation.isAnswering) continue
    open.delete(conversation)
    conversation.end()
    return true
  }
  return false
}

/** What is there; nothing where the name leads nowhere, which listening then says in words. */
function foundAt(file: string): Stats | undefined {
  try {
    return lstatSync(file, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

/** Removes a socket that a dead engine left. */
async function clearStale(file: string): Promise<void> {
  const found = foundAt(file)
  if (found === undefined) return
  if (!found.isSocket()) {
    throw new PathledgerError('CONTROL_NOT_A_SOCKET', {
      message: `${file} exists and is not a socket.`,
      why: 'The control socket would overwrite it.',
      todo: 'Name another place for the control socket.',
      errno: 'EEXIST',
    })
  }
  if (await somebodyListens(file)) throw inUse(file)
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
