// A socket that nobody but its owner can ever connect to: it is made in a folder of mode 0700, given mode 0600 there, and
// only then linked to where it is to be. The umask is the whole process's, so it is left alone.
import { chmodSync, linkSync, lstatSync, mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:net'
import { dirname, join } from 'node:path'
import { PathledgerError } from '../../errors.ts'

/** Bytes that the name of a socket may have, its end counted in (struct sockaddr_un). */
const NAME_MAX = 108

/**
 * Listens on `file` and resolves with what takes that name away again. Rejects with CONTROL_IN_USE when another engine was
 * quicker, and with CONTROL_SOCKET.
 */
export async function listenPrivately(server: Server, file: string): Promise<() => void> {
  if (Buffer.byteLength(file) >= NAME_MAX)
    throw unusable(file, `Its name has ${Buffer.byteLength(file)} bytes.`)
  let folder: string
  try {
    folder = mkdtempSync(join(dirname(file), '.pl'))
  } catch (error) {
    throw unusable(file, (error as Error).message)
  }
  try {
    const made = join(folder, 's')
    await listen(server, made)
    chmodSync(made, 0o600)
    const { ino } = lstatSync(made)
    // Unlike a rename a link replaces nothing.
    linkSync(made, file)
    return () => {
      if (lstatSync(file, { throwIfNoEntry: false })?.ino === ino) rmSync(file)
    }
  } catch (error) {
    server.close()
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw inUse(file)
    throw unusable(file, (error as Error).message)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function listen(server: Server, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(file, resolve)
  })
}

/** Somebody answers there, or has just begun to. */
export function inUse(file: string): PathledgerError {
  return new PathledgerError('CONTROL_IN_USE', {
    message: `Another engine is listening on ${file}.`,
    why: 'Each engine needs a control socket of its own.',
    todo: 'Name another place for the control socket, or stop that engine.',
    errno: 'EADDRINUSE',
  })
}

function unusable(file: string, why: string): PathledgerError {
  return new PathledgerError('CONTROL_SOCKET', {
    message: `The control socket ${file} cannot be opened.`,
    why,
    todo: 'Check that its folder exists and is writable. The name of a socket has at most 107 bytes, its folder 96.',
    errno: 'EIO',
  })
}
